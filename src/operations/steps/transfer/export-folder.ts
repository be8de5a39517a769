import path from 'node:path';
import { hasCode } from '../../../model/errors.ts';
import { type DiskFormat, DOMAIN_XML_FILE, type Image, type ImageFile } from '../../../model/image.ts';
import { EXPORT_MANIFEST_FILE, type ExportedFile, type ExportManifest } from '../../export-manifest.ts';
import type { OperationContext } from '../../support/context.ts';
import type { ByteProgress } from '../byte-progress.ts';
import { requireSum } from '../store/require-sum.ts';
import { exportDisk } from './export-disk.ts';

export interface FolderExport {
  readonly image: Image;
  /** Must not exist. */
  readonly target: string;
  readonly format: DiskFormat | null;
  readonly progress: ByteProgress;
}

/** Disks, firmware variables, TPM state, the machine's XML, and last the manifest that names them. For root's eyes only. */
export async function exportFolder(context: OperationContext, work: FolderExport, signal: AbortSignal): Promise<void> {
  const { image, target } = work;
  await context.files.makeDirectory(target, { mode: 0o700 });
  const disks = await exportDisks(context, work, signal);
  const nvram = image.nvram === null ? null : await exportFile(context, work, image.nvram);
  const tpm: ExportedFile[] = [];
  for (const file of image.tpm) tpm.push(await exportFile(context, work, file));
  const manifest: ExportManifest = {
    darkroomExport: 1,
    name: image.name,
    description: image.description,
    createdAt: image.createdAt,
    minDiskGiB: image.minDiskGiB,
    minMemoryMiB: image.minMemoryMiB,
    consistency: image.consistency,
    disks,
    skippedDisks: [...image.skippedDisks],
    nvram,
    tpm,
    domainXml: await exportDomainXml(context, work),
    properties: { ...image.properties },
  };
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  await context.files.writeDurably(path.join(target, EXPORT_MANIFEST_FILE), text, { mode: 0o600 });
  await context.files.sync(target);
}

async function exportDisks(
  context: OperationContext,
  work: FolderExport,
  signal: AbortSignal,
): Promise<ExportManifest['disks']> {
  const disks: ExportManifest['disks'] = [];
  for (const disk of work.image.disks) {
    const file = `disk-${disk.target}.${work.format ?? disk.format}`;
    const target = path.join(work.target, file);
    const written = await exportDisk(context, { ...work, disk, target }, signal);
    disks.push({ target: disk.target, virtualSizeBytes: disk.virtualSizeBytes, file, ...written });
  }
  return disks;
}

async function exportFile(context: OperationContext, work: FolderExport, file: ImageFile): Promise<ExportedFile> {
  const written = await copySmallFile(context, work, file.file);
  requireSum(work.image, file, written.sha256);
  return written;
}

/** With its secrets, such as a VNC password: hence its mode, and a word to the operator. */
async function exportDomainXml(context: OperationContext, work: FolderExport): Promise<ExportedFile | null> {
  try {
    const written = await copySmallFile(context, work, DOMAIN_XML_FILE);
    context.operation.warn(
      `${DOMAIN_XML_FILE} may hold secrets of the machine, such as a VNC password: keep the folder to yourself.`,
    );
    return written;
  } catch (error) {
    // an imported image has none: its machine follows from its properties
    if (hasCode(error, 'IMAGE_DAMAGED') && work.image.properties['image_type'] === 'imported') return null;
    throw error;
  }
}

async function copySmallFile(context: OperationContext, work: FolderExport, file: string): Promise<ExportedFile> {
  const source = await context.store.resolveFile(work.image.id, file);
  const target = path.join(work.target, file);
  await context.files.makeDirectory(path.dirname(target), { mode: 0o700 });
  await context.files.copy(source, target);
  await context.files.setOwnership(target, { mode: 0o600 });
  await context.files.sync(target);
  const stat = await context.files.stat(target);
  return { file, sizeBytes: stat?.sizeBytes ?? 0, sha256: await context.files.hash(target) };
}
