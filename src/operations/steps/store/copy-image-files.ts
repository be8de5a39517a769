import { DarkroomError, hasCode } from '../../../model/errors.ts';
import { DOMAIN_XML_FILE, type Image } from '../../../model/image.ts';
import { type CopiedFile, listImageFiles } from '../../../model/image-copy.ts';
import type { ImageDraft, ImageStore } from '../../../model/ports/image-store.ts';
import type { OperationContext } from '../../support/context.ts';
import { copyInSlots } from '../../support/copy-turns.ts';
import { throwIfCancelled } from '../../support/patience.ts';
import { takeSlot } from '../../support/slots.ts';
import { ParallelProgress, type ProgressLane } from '../parallel-progress.ts';
import { fetchStraight } from './fetch-straight.ts';
import { requireSum } from './require-sum.ts';
import { sendStraight } from './send-straight.ts';

/** Written and read, or fetched and sent: every byte counts twice. */
const STAGES = 2;

export interface ImageCopy {
  readonly image: Image;
  readonly source: ImageStore;
  readonly target: ImageStore;
  readonly draft: ImageDraft;
}

interface FileCopy extends ImageCopy {
  readonly file: CopiedFile;
  readonly lane: ProgressLane;
}

/**
 * Every file of an image, sealed in a draft of another store and read again there; what an earlier try left there and is right is
 * not copied again. Returns their SHA-256 by name. IMAGE_DAMAGED when the source is not what its manifest says, COPY_FAILED when the copy is not.
 */
export async function copyImageFiles(
  context: OperationContext,
  copy: ImageCopy,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  await using _slot = await takeSlot(context, 'copy', signal);
  await context.operation.announce('copy');
  const files = listImageFiles(copy.image);
  const progress = new ParallelProgress(context.operation, STAGES * sumOf(files));
  // one that cannot be copied ends the others
  const giveUp = new AbortController();
  const hurry = AbortSignal.any([signal, giveUp.signal]);
  const sums = await copyInSlots(context, files, async (file) => {
    try {
      return await copyFile(context, { ...copy, file, lane: progress.addLane() }, hurry);
    } catch (error) {
      giveUp.abort();
      throw error;
    }
  });
  await copyDomainXml(context, copy, signal);
  throwIfCancelled(signal);
  return new Map(files.map(({ file }, index) => [file, sums[index] ?? '']));
}

function sumOf(files: readonly CopiedFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

async function copyFile(context: OperationContext, work: FileCopy, signal: AbortSignal): Promise<string> {
  throwIfCancelled(signal);
  return work.target.keepsFilesHere ? await copyHere(context, work, signal) : await sendAway(context, work, signal);
}

/** IMAGE_DAMAGED when the source is not what its manifest says. */
async function sendAway(context: OperationContext, work: FileCopy, signal: AbortSignal): Promise<string> {
  const { image, file, draft, lane, source } = work;
  const isFetched = !source.keepsFilesHere;
  const from = await source.resolveFile(image.id, file.file, { signal, onBytes: (bytes) => lane.at(bytes) });
  if (isFetched) lane.endStage(file.sizeBytes);
  const onBytes = (bytes: number): void => lane.at(isFetched ? bytes : STAGES * bytes);
  const sent = await sendStraight(context, draft, { file: file.file, source: from }, { signal, onBytes });
  requireSum(image, file, sent.sha256);
  requireLength(work, sent.sizeBytes);
  lane.endStage((isFetched ? 1 : STAGES) * file.sizeBytes);
  return sent.sha256;
}

async function copyHere(context: OperationContext, work: FileCopy, signal: AbortSignal): Promise<string> {
  const { file, draft } = work;
  const sha256 = (await findCopied(context, work, signal)) ?? (await writeCopy(context, work, signal));
  const { sizeBytes } = await draft.seal(file.file, { signal });
  requireLength(work, sizeBytes);
  return sha256;
}

/** Left, sealed and whole, by a try that was interrupted: its sum, or null. */
async function findCopied(context: OperationContext, work: FileCopy, signal: AbortSignal): Promise<string | null> {
  const { file, draft, lane } = work;
  const sealed = draft.sealedPath(file.file);
  if (file.sha256 === null || (await context.files.stat(sealed))?.sizeBytes !== file.sizeBytes) return null;
  const sha256 = await context.files.hash(sealed, { signal });
  if (sha256 !== file.sha256) return null;
  lane.endStage(STAGES * file.sizeBytes);
  return sha256;
}

async function writeCopy(context: OperationContext, work: FileCopy, signal: AbortSignal): Promise<string> {
  const { file, draft, lane } = work;
  const to = draft.path(file.file);
  await context.files.remove(to);
  // what is fetched is written once and read once at the same time
  const onBytes = (bytes: number): void => lane.at(STAGES * bytes);
  const fetched = await fetchStraight(context, { ...work, target: to, onBytes }, signal);
  if (fetched === null) return await copyAndRead(context, { ...work, to }, signal);
  lane.endStage(STAGES * file.sizeBytes);
  return fetched;
}

/** From this host's own, or its copy of what is elsewhere. */
async function copyAndRead(
  context: OperationContext,
  work: FileCopy & { readonly to: string },
  signal: AbortSignal,
): Promise<string> {
  const { image, source, file, lane, to } = work;
  const from = await source.resolveFile(image.id, file.file, { signal });
  const onBytes = (bytes: number): void => lane.at(bytes);
  const bandwidthBytesPerSecond = context.settings.copyBandwidthBytesPerSecond;
  if (!(await context.files.tryClone(from, to)))
    await context.files.copy(from, to, { signal, onBytes, bandwidthBytesPerSecond });
  lane.endStage(file.sizeBytes);
  const sha256 = await context.files.hash(to, { signal, onBytes });
  lane.endStage(file.sizeBytes);
  await requireSame(context, { ...work, from, sha256 }, signal);
  return sha256;
}

async function requireSame(
  context: OperationContext,
  work: FileCopy & { readonly from: string; readonly sha256: string },
  signal: AbortSignal,
): Promise<void> {
  const { image, file, from, sha256 } = work;
  if (sha256 === file.sha256) return;
  const seen = await context.files.hash(from, { signal });
  requireSum(image, file, seen);
  if (seen !== sha256) throw notTheSame(work, `its SHA-256 is ${sha256} instead of ${seen}`);
}

function requireLength(work: FileCopy, sizeBytes: number): void {
  if (sizeBytes === work.file.sizeBytes) return;
  throw notTheSame(work, `it has ${sizeBytes} bytes instead of ${work.file.sizeBytes}`);
}

/** Not in the manifest; what was imported as a disk alone, or from a snapshot without one, has none. */
async function copyDomainXml(
  context: OperationContext,
  { image, source, draft }: ImageCopy,
  signal: AbortSignal,
): Promise<void> {
  const from = await findDomainXml({ image, source }, signal);
  if (from === null) return;
  const to = draft.path(DOMAIN_XML_FILE);
  await context.files.remove(to);
  await context.files.copy(from, to, { signal });
  await draft.seal(DOMAIN_XML_FILE, { isSecret: true, signal });
}

async function findDomainXml(
  { image, source }: Pick<ImageCopy, 'image' | 'source'>,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    return await source.resolveFile(image.id, DOMAIN_XML_FILE, { signal });
  } catch (error) {
    if (hasCode(error, 'IMAGE_DAMAGED') && image.properties['image_type'] === 'imported') return null;
    throw error;
  }
}

function notTheSame({ image, file, target }: FileCopy, reason: string): DarkroomError {
  return new DarkroomError(
    'COPY_FAILED',
    `The copy of ${file.file} of the image ${image.name} (${image.id}) in ${target.location} is not what was copied: ${reason}. ` +
      'Look at the storage below both stores.',
    { fields: { imageId: image.id, file: file.file, reason } },
  );
}
