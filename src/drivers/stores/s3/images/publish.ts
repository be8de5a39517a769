import { DarkroomError } from '../../../../model/errors.ts';
import type { Image } from '../../../../model/image.ts';
import { manifestPath } from '../../documents/layout.ts';
import { serialiseManifest } from '../../documents/manifest.ts';
import type { ObjectEntry } from '../bucket.ts';
import type { ImagesContext } from './context.ts';
import { alreadyThere, stillDeleted } from './draft-errors.ts';
import { draftKey, fileKey, imagePrefix, recycledKey } from './keys.ts';
import { DRAFT_PIN } from './local-files.ts';

/** Writes the manifest where there is none, once every file that it names is there, whole. */
export async function publish(context: ImagesContext, imageId: string, image: Image): Promise<void> {
  if (image.id !== imageId) throw new DarkroomError('INTERNAL', `Image ${image.id} is not the draft ${imageId}`);
  const text = serialiseManifest(image);
  const { bucket } = context;
  const entries = await bucket.list(imagePrefix(imageId));
  requireUnpublished(imageId, entries);
  for (const file of describeFiles(image)) requireUploaded(imageId, file, entries);
  if ((await bucket.put(manifestPath('', imageId), text, { ifAbsent: true })) === null) throw alreadyThere(imageId);
  await tidyUp(context, imageId);
}

function requireUnpublished(imageId: string, entries: readonly ObjectEntry[]): void {
  const keys = entries.map(({ key }) => key);
  if (keys.includes(manifestPath('', imageId))) throw alreadyThere(imageId);
  if (keys.includes(recycledKey(imageId))) throw stillDeleted(imageId);
}

interface NamedFile {
  readonly file: string;
  readonly sizeBytes: number;
}

function describeFiles(image: Image): readonly NamedFile[] {
  return [...image.disks, ...(image.nvram === null ? [] : [image.nvram]), ...image.tpm];
}

function requireUploaded(imageId: string, { file, sizeBytes }: NamedFile, entries: readonly ObjectEntry[]): void {
  const key = fileKey(imageId, file);
  const seen = entries.find((entry) => entry.key === key)?.sizeBytes ?? null;
  if (seen === sizeBytes) return;
  const found = seen === null ? 'it is not in the store' : `it has ${seen} bytes in the store instead of ${sizeBytes}`;
  const message = `Cannot publish image ${imageId}: of its file ${file}, ${found}`;
  throw new DarkroomError('STORE_WRITE_FAILED', message, { fields: { imageId, file, sizeBytes, seen } });
}

/** It is published whatever comes of this: what stays is told of by the upkeep. */
async function tidyUp(context: ImagesContext, imageId: string): Promise<void> {
  await context.bucket.remove([draftKey(imageId)]).catch(() => undefined);
  await context.mirror.unpin(imagePrefix(imageId), DRAFT_PIN).catch(() => undefined);
  await context.index.changed([imageId]);
}
