import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { Image, ImageDisk, ImageFile } from '../../../model/image.ts';
import { summariseDisks } from '../../../model/image-rules.ts';
import type { DiskFile } from '../../../model/ports/disk-tool.ts';
import type { OperationContext } from '../../support/context.ts';
import { throwIfCancelled } from '../../support/patience.ts';
import { ByteProgress } from '../byte-progress.ts';
import { imageDisk } from '../encrypted-image.ts';
import { readSourceXml } from '../launch/read-source-xml.ts';
import { requireStandalone } from '../require-standalone.ts';

interface FileCheck {
  readonly image: Image;
  readonly path: string;
  readonly progress: ByteProgress;
}

/** Reads every file of an image against its manifest. Returns the disks with all sums known; IMAGE_DAMAGED names the first wrong file. */
export async function verifyFiles(
  context: OperationContext,
  image: Image,
  signal: AbortSignal,
): Promise<readonly ImageDisk[]> {
  const progress = new ByteProgress(context.operation, summariseDisks(image.disks).sizeBytes);
  const disks: ImageDisk[] = [];
  for (const disk of image.disks) {
    throwIfCancelled(signal);
    const written = await imageDisk(context, image, disk, { signal });
    const { path } = written;
    const sha256 = await verifyContent(context, { image, path, progress, file: disk }, signal);
    await verifyStructure(context, { image, written, disk }, signal);
    disks.push({ ...disk, sha256 });
  }
  const others: readonly ImageFile[] = image.nvram === null ? image.tpm : [image.nvram, ...image.tpm];
  for (const file of others) {
    const path = await context.store.resolveFile(image.id, file.file, { signal });
    await verifyContent(context, { image, path, progress, file }, signal);
  }
  await readSourceXml(context, image, { signal, isFresh: true });
  return disks;
}

async function verifyContent(
  context: OperationContext,
  check: FileCheck & {
    readonly file: { readonly file: string; readonly sizeBytes: number; readonly sha256: string | null };
  },
  signal: AbortSignal,
): Promise<string> {
  const { image, path, file, progress } = check;
  const sizeBytes = (await context.files.stat(path))?.sizeBytes ?? 0;
  if (sizeBytes !== file.sizeBytes) {
    throw damaged(image, file.file, {
      what: 'length',
      expected: `${file.sizeBytes} bytes`,
      seen: `${sizeBytes} bytes`,
    });
  }
  const sha256 = await context.files.hash(path, { signal, onBytes: (bytes) => progress.at(bytes) });
  progress.endStage(file.sizeBytes);
  if (file.sha256 !== null && sha256 !== file.sha256) {
    throw damaged(image, file.file, { what: 'SHA-256', expected: file.sha256, seen: sha256 });
  }
  return sha256;
}

async function verifyStructure(
  context: OperationContext,
  check: { readonly image: Image; readonly written: DiskFile; readonly disk: ImageDisk },
  signal: AbortSignal,
): Promise<void> {
  const { image, written, disk } = check;
  const info = await explain(check, () => context.diskTool.info(written, signal));
  requireStandalone(info, { path: written.path, code: 'IMAGE_DAMAGED', isEncrypted: image.isEncrypted });
  if (info.virtualSizeBytes !== disk.virtualSizeBytes) {
    const [expected, seen] = [disk.virtualSizeBytes, info.virtualSizeBytes].map((bytes) => `${bytes} bytes`);
    throw damaged(image, disk.file, { what: 'virtual size', expected: expected ?? '', seen: seen ?? '' });
  }
  if (disk.format === 'raw') return;
  const { isSound, corruptions, checkErrors } = await explain(check, () => context.diskTool.check(written, signal));
  if (isSound) return;
  const seen = `${corruptions} corruptions and ${checkErrors} errors`;
  throw damaged(image, disk.file, { what: 'qcow2 structure', expected: 'no corruption', seen });
}

/** A file that is there and that qemu-img cannot read is damaged. */
async function explain<T>(
  check: { readonly image: Image; readonly disk: ImageDisk },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!hasCode(error, 'QEMU_IMG_FAILED')) throw error;
    const { image, disk } = check;
    throw damaged(image, disk.file, { what: 'format', expected: disk.format, seen: error.message });
  }
}

function damaged(
  image: Image,
  file: string,
  wrong: { readonly what: string; readonly expected: string; readonly seen: string },
): DarkroomError {
  return new DarkroomError(
    'IMAGE_DAMAGED',
    `The image ${image.name} (${image.id}) is damaged: the ${wrong.what} of ${file} should be ${wrong.expected}, and is ${wrong.seen}. ` +
      'Restore the file from a copy of the store, or delete the image.',
    { fields: { imageId: image.id, file, expected: wrong.expected, seen: wrong.seen } },
  );
}
