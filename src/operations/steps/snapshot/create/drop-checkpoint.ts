import { hasCode } from '../../../../model/errors.ts';
import type { DiskFile } from '../../../../model/ports/disk-tool.ts';
import type { Core } from '../../../support/context.ts';
import { isLive } from '../../capture/look-at-domain.ts';

export interface DroppedCheckpoint {
  readonly instanceId: string;
  readonly name: string;
  /** That may have a bitmap of it. */
  readonly disks: readonly DiskFile[];
}

/** A checkpoint of ours goes, with its bitmaps: by QEMU while the guest runs, else from its files. No error when there is none. */
export async function dropCheckpoint(core: Core, { instanceId, name, disks }: DroppedCheckpoint): Promise<void> {
  if (isLive(await core.hypervisor.getDomain(instanceId))) {
    await deleteLive(core, instanceId, name);
    return;
  }
  await core.hypervisor.deleteCheckpoint(instanceId, name, { isMetadataOnly: true });
  for (const disk of disks) await dropBitmap(core, disk, name);
}

/** Where a bitmap is missing, since QEMU was killed, libvirt can only forget the checkpoint. */
async function deleteLive({ hypervisor }: Core, instanceId: string, name: string): Promise<void> {
  try {
    await hypervisor.deleteCheckpoint(instanceId, name, { isMetadataOnly: false });
  } catch (error) {
    if (!hasCode(error, 'LIBVIRT_FAILED', 'CHECKPOINT_INCONSISTENT')) throw error;
    await hypervisor.deleteCheckpoint(instanceId, name, { isMetadataOnly: true });
  }
}

async function dropBitmap(core: Core, disk: DiskFile, name: string): Promise<void> {
  if (disk.format !== 'qcow2' || (await core.files.stat(disk.path)) === null) return;
  const { bitmaps } = await core.diskTool.info(disk);
  if (bitmaps.some((bitmap) => bitmap.name === name)) await core.diskTool.removeBitmap(disk, name);
}
