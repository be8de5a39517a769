import type { Image } from './image.ts';
import { imageChecksum } from './image-rules.ts';

/** A file of an image, as its manifest has it. */
export interface CopiedFile {
  readonly file: string;
  readonly sizeBytes: number;
  /** null: nobody has hashed it yet. */
  readonly sha256: string | null;
}

/** All that an image's manifest names. */
export function listImageFiles({ disks, nvram, tpm }: Pick<Image, 'disks' | 'nvram' | 'tpm'>): readonly CopiedFile[] {
  return [...disks, ...(nvram === null ? [] : [nvram]), ...tpm].map(({ file, sizeBytes, sha256 }) => ({
    file,
    sizeBytes,
    sha256,
  }));
}

/** Why what has the id in another store is not the same image; null when it is. What was never hashed is taken to be the same. */
export function judgeCopy(image: Image, copy: Image): string | null {
  if (copy.createdAt !== image.createdAt) return `it was made at ${copy.createdAt} instead of ${image.createdAt}`;
  if (copy.isEncrypted !== image.isEncrypted) return 'only one of them is encrypted';
  const [files, others] = [listImageFiles(image), listImageFiles(copy)];
  const odd = files.find(({ file }) => !others.some((other) => other.file === file));
  if (odd !== undefined || files.length !== others.length) return `they have not the same files`;
  for (const { file, sizeBytes, sha256 } of files) {
    const other = others.find((each) => each.file === file);
    if (other?.sizeBytes !== sizeBytes) return `its ${file} has ${other?.sizeBytes} bytes instead of ${sizeBytes}`;
    if (sha256 !== null && other.sha256 !== null && sha256 !== other.sha256) return `its ${file} has another SHA-256`;
  }
  return null;
}

/** With the sums of disks that had none; else as it is. */
export function withSums(image: Image, sums: ReadonlyMap<string, string>): Image {
  if (image.disks.every(({ sha256 }) => sha256 !== null)) return image;
  const disks = image.disks.map((disk) => ({ ...disk, sha256: disk.sha256 ?? sums.get(disk.file) ?? null }));
  return { ...image, disks, checksum: imageChecksum(disks) };
}
