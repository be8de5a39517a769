import { createHash } from 'node:crypto';
import path from 'node:path';
import { sanitiseDomain } from '../../../model/domain-xml/sanitise-domain.ts';
import { DOMAIN_XML_FILE, type ImageDisk, type ImageFile } from '../../../model/image.ts';
import { isReservedProperty, minDiskGiB } from '../../../model/image-rules.ts';
import type { HeldFile } from '../../../model/ports/host.ts';
import type { ImageDraft } from '../../../model/ports/image-store.ts';
import type { ImportImageRequest } from '../../../model/requests.ts';
import type { ExportManifest } from '../../export-manifest.ts';
import type { OperationContext } from '../../support/context.ts';
import { createCopyTurns } from '../../support/copy-turns.ts';
import { throwIfCancelled } from '../../support/patience.ts';
import { ByteProgress } from '../byte-progress.ts';
import { checkSpace } from '../check-space.ts';
import { finishDisk } from '../finish-disk.ts';
import { finishFile } from '../finish-file.ts';
import type { NewImage } from '../publish-image.ts';
import { TransferProgress } from '../store/transfer-progress.ts';
import { importedProperties } from './import-disk.ts';
import { inspectDisk } from './inspect-source.ts';
import { holdExported, readExportedText, readExportManifest, requireContent } from './read-export.ts';

interface FolderWork {
  readonly folder: HeldFile;
  readonly draft: ImageDraft;
  readonly progress: ByteProgress;
  readonly upload: TransferProgress;
  readonly signal: AbortSignal;
}

/** A folder that an export wrote becomes an image with the same disks, firmware and machine. Nothing in it is believed. */
export async function importFolder(
  context: OperationContext,
  work: { readonly request: ImportImageRequest; readonly source: HeldFile; readonly draft: ImageDraft },
  signal: AbortSignal,
): Promise<NewImage> {
  const { request, source: folder, draft } = work;
  const manifest = await readExportManifest(context, folder);
  const bytes = manifest.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0);
  await checkSpace(context, [{ path: context.store.rootPath, bytes, what: 'the image' }]);
  const progress = new ByteProgress(context.operation, 2 * bytes);
  const files: FolderWork = { folder, draft, progress, upload: new TransferProgress(context, 'upload'), signal };
  await context.operation.announce('copy');
  const disks: ImageDisk[] = [];
  for (const disk of manifest.disks) disks.push(await takeDisk(context, { ...files, disk }, signal));
  const nvram = manifest.nvram === null ? null : await takeFile(context, files, manifest.nvram);
  const tpm: ImageFile[] = [];
  for (const file of manifest.tpm) tpm.push(await takeFile(context, files, file));
  await takeDomainXml(context, files, manifest);
  return {
    name: request.name,
    description: request.description ?? manifest.description,
    disks,
    minDiskGiB: Math.max(minDiskGiB(disks, null), manifest.minDiskGiB),
    minMemoryMiB: manifest.minMemoryMiB,
    consistency: manifest.consistency,
    instanceOwner: null,
    skippedDisks: manifest.skippedDisks,
    nvram,
    tpm,
    properties: importedProperties({ ...unreserved(manifest.properties), ...request.properties }),
  };
}

function unreserved(properties: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(properties).filter(([key]) => !isReservedProperty(key)));
}

async function takeDisk(
  context: OperationContext,
  work: FolderWork & { readonly disk: ExportManifest['disks'][number] },
  signal: AbortSignal,
): Promise<ImageDisk> {
  const { folder, draft, progress, disk } = work;
  const file = `disk-${disk.target}.${disk.format}`;
  const target = draft.path(file);
  await using source = await holdExported(context, folder, disk);
  await copyBytes(context, { source, target, progress }, signal);
  progress.endStage(disk.sizeBytes);
  await using copied = await holdCopy(context, target);
  await inspectDisk(
    context,
    { name: path.join(folder.realPath, disk.file), held: copied, format: disk.format },
    signal,
  );
  const onHashed = (bytes: number): void => progress.at(bytes);
  const finished = await finishDisk(
    context,
    draft,
    { file, target: disk.target, format: disk.format, isCopied: true, onHashed, upload: work.upload },
    signal,
  );
  progress.endStage(disk.sizeBytes);
  requireContent(folder, disk, finished);
  return finished;
}

/** A private copy first: what is inspected then can no longer be changed by whoever owns the folder. */
async function copyBytes(
  context: OperationContext,
  copy: { readonly source: HeldFile; readonly target: string; readonly progress: ByteProgress },
  signal: AbortSignal,
): Promise<void> {
  const { source, target, progress } = copy;
  throwIfCancelled(signal);
  if (await context.files.tryClone(source.heldPath, target)) return;
  const turns = createCopyTurns(context, { step: 'copy', signal });
  await turns.take(() =>
    context.files.copy(source.heldPath, target, {
      signal,
      bandwidthBytesPerSecond: context.settings.copyBandwidthBytesPerSecond,
      onBytes: (bytes) => progress.at(bytes),
    }),
  );
  throwIfCancelled(signal);
}

async function holdCopy(context: OperationContext, target: string): Promise<HeldFile> {
  const held = await context.files.hold(target);
  if (held === null) throw new Error(`${target} vanished while it was taken in`);
  return held;
}

async function takeFile(context: OperationContext, work: FolderWork, file: ImageFile): Promise<ImageFile> {
  const { folder, draft } = work;
  await using source = await holdExported(context, folder, file);
  await context.files.copy(source.heldPath, draft.path(file.file));
  const finished = await finishFile(context, draft, file.file, { signal: work.signal });
  requireContent(folder, file, finished);
  return finished;
}

async function takeDomainXml(context: OperationContext, work: FolderWork, manifest: ExportManifest): Promise<void> {
  const { folder, draft } = work;
  if (manifest.domainXml === null) return;
  const text = await readExportedText(context, folder, manifest.domainXml.file);
  requireContent(folder, manifest.domainXml, { sha256: createHash('sha256').update(text).digest('hex') });
  const { xml, dropped } = sanitiseDomain(text);
  if (dropped.length > 0)
    context.operation.warn(`Left out of the machine, since it belongs to another host: ${dropped.join(', ')}.`);
  await context.files.writeDurably(draft.path(DOMAIN_XML_FILE), xml, { mode: 0o600 });
  await draft.seal(DOMAIN_XML_FILE, { isSecret: true, signal: work.signal });
}
