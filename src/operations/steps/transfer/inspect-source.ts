import { judgeHeader, judgeVirtualSize } from '../../../model/disk-formats/judge-header.ts';
import { HEAD_BYTES, recogniseFormat } from '../../../model/disk-formats/recognise-format.ts';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { DiskFileInfo } from '../../../model/ports/disk-tool.ts';
import type { HeldFile } from '../../../model/ports/host.ts';
import type { ImportFormat } from '../../../model/requests.ts';
import type { Core } from '../../support/context.ts';
import { requireStandalone } from '../require-standalone.ts';
import { rejected } from './transfer-path.ts';

export interface SourceDisk {
  /** What people call it, in messages. */
  readonly name: string;
  readonly held: HeldFile;
  readonly format: ImportFormat;
}

/** The stated format, or the one that the content shows. IMAGE_REJECTED when the file is no disk that is taken. */
export async function detectFormat(
  held: HeldFile,
  options: { readonly name: string; readonly stated: ImportFormat | null },
): Promise<ImportFormat> {
  const { name, stated } = options;
  if (held.stat.kind !== 'file') throw rejected(name, 'is not a regular file');
  if (held.stat.sizeBytes === 0) throw rejected(name, 'is empty');
  if (stated !== null) return stated;
  const recognition = recogniseFormat(await held.read({ offsetBytes: 0, lengthBytes: HEAD_BYTES }));
  switch (recognition.kind) {
    case 'known':
      return recognition.format;
    case 'refused':
      throw rejected(name, `is ${recognition.what}. ${recognition.remedy}`);
    case 'unknown':
      throw rejected(name, 'is in no format that its content shows. If it is a raw disk, state it: --format raw');
    default: {
      const never: never = recognition;
      return never;
    }
  }
}

/** IMAGE_REJECTED for a header that names other files, a key or absurd sizes. Our own look, before QEMU opens the file. */
export async function requireHarmlessHeader({ name, held, format }: SourceDisk): Promise<void> {
  const complaint = judgeHeader(format, await held.read({ offsetBytes: 0, lengthBytes: HEAD_BYTES }));
  if (complaint !== null) throw rejected(name, `is refused as ${format}: ${complaint}`);
}

/** Everything that can be said against a disk file; what passes is whole, sound and stands alone. */
export async function inspectDisk(core: Core, source: SourceDisk, signal: AbortSignal): Promise<DiskFileInfo> {
  await requireHarmlessHeader(source);
  const disk = { path: source.held.heldPath, format: source.format };
  const info = await explain(source, () => core.diskTool.info(disk, signal));
  requireStandalone(info, { path: source.name, code: 'IMAGE_REJECTED' });
  const complaint = judgeVirtualSize(info.virtualSizeBytes);
  if (complaint !== null) throw rejected(source.name, `is refused: ${complaint}`);
  if (info.isCorrupt) throw rejected(source.name, 'is marked corrupt. Repair it with qemu-img check -r all');
  const { isSound, corruptions, checkErrors } = await explain(source, () => core.diskTool.check(disk, signal));
  if (!isSound) {
    throw rejected(
      source.name,
      `is damaged: qemu-img check found ${corruptions} corruptions and ${checkErrors} errors`,
    );
  }
  return info;
}

/** A file that qemu-img cannot read is a bad file, and called by the name that people gave. */
async function explain<T>(source: SourceDisk, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!hasCode(error, 'QEMU_IMG_FAILED')) throw error;
    const seen = error.message.replaceAll(source.held.heldPath, source.name);
    throw new DarkroomError('IMAGE_REJECTED', `${source.name} cannot be imported as ${source.format}: ${seen}`, {
      fields: { path: source.name, format: source.format },
      cause: error,
    });
  }
}
