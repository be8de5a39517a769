import type { DiskFile } from '../../../model/ports/disk-tool.ts';
import type { Core } from '../../support/context.ts';

/** Holds every disk open for reading until disposed. INSTANCE_BUSY when one is being written to. */
export async function holdDisks(core: Core, disks: readonly DiskFile[]): Promise<AsyncDisposable> {
  const held: AsyncDisposable[] = [];
  const release = async (): Promise<void> => {
    for (const holder of held) await holder[Symbol.asyncDispose]();
  };
  try {
    for (const disk of disks) held.push(await core.diskTool.holdForReading(disk));
  } catch (error) {
    await release();
    throw error;
  }
  return { [Symbol.asyncDispose]: release };
}
