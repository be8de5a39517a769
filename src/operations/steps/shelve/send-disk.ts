import { DarkroomError } from '../../../model/errors.ts';
import type { ImageDisk } from '../../../model/image.ts';
import type { ImageDraft } from '../../../model/ports/image-store.ts';
import type { ShelvedDisk } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';
import { sendStraight } from '../store/send-straight.ts';
import type { TransferProgress } from '../store/transfer-progress.ts';
import { isSameState } from './is-as-captured.ts';

/** Whether the file of a disk that nobody writes to was closed cleanly and is sound; what is not may become so by a copy. */
export async function isSoundAsItIs(
  { diskTool }: Core,
  { path }: { readonly path: string },
  signal: AbortSignal,
): Promise<boolean> {
  const file = { path, format: 'qcow2' } as const;
  const info = await diskTool.info(file, signal);
  const isClean = !info.isDirty && !info.isCorrupt && !info.isEncrypted && info.internalSnapshotCount === 0;
  return isClean && info.backing === null && info.dataFile === null && (await diskTool.check(file, signal)).isSound;
}

/**
 * The file of a disk, straight from where it lies, while its guest is off and held. `disk` is what it was when it began to be
 * held. It is the only copy until the domain is undefined, and nothing is written to it.
 * INSTANCE_BUSY when somebody did all the same.
 */
export async function sendDisk(
  core: Core,
  draft: ImageDraft,
  { disk, upload }: { readonly disk: ShelvedDisk; readonly upload: TransferProgress },
  signal: AbortSignal,
): Promise<ImageDisk> {
  const { target, path, virtualSizeBytes, sizeBytes } = disk;
  const file = `disk-${target}.qcow2`;
  const onBytes = upload.addFile(sizeBytes);
  const sent = await sendStraight(core, draft, { file, source: path }, { signal, onBytes });
  if (!isSameState(await core.files.stat(path), disk)) throw changed(disk);
  if (sent.sizeBytes !== sizeBytes) throw notTheSame(disk, sent.sizeBytes);
  return { target, file, format: 'qcow2', virtualSizeBytes, sizeBytes, sha256: sent.sha256 };
}

function changed({ target, path }: ShelvedDisk): DarkroomError {
  return new DarkroomError(
    'INSTANCE_BUSY',
    `Disk ${target} was written to while it was being shelved (${path}). Find out who did, and shelve it again.`,
    { fields: { target, path } },
  );
}

function notTheSame({ target, path, sizeBytes }: ShelvedDisk, seen: number): DarkroomError {
  return new DarkroomError(
    'COPY_FAILED',
    `The store holds ${seen} bytes of disk ${target}, which has ${sizeBytes} bytes as ${path}. Look at the storage below the store.`,
    { fields: { target, path } },
  );
}
