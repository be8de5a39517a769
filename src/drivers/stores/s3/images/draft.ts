import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { newUuid } from '../../../../lib/uuid.ts';
import type { ImageDraft } from '../../../../model/ports/image-store.ts';
import { FOLDER_MODE, imageFolder, MANIFEST_FILE, RECYCLED_FILE } from '../../documents/layout.ts';
import { preparePartial } from '../../files/draft-files.ts';
import { makeFolders } from '../../files/durable-files.ts';
import { toStoreError, withStoreErrors } from '../../files/store-errors.ts';
import type { ImagesContext } from './context.ts';
import { discard } from './discard.ts';
import { alreadyThere, stillDeleted } from './draft-errors.ts';
import { draftKey, fileKey, imagePrefix } from './keys.ts';
import { DRAFT_PIN } from './local-files.ts';
import { publish } from './publish.ts';
import { sealFile, sealFileFrom } from './seal.ts';

/** One object says that it is being made, and by whom: whoever writes that first makes it. IMAGE_STATE when there is anything of that id already. */
export async function createDraft(context: ImagesContext, imageId: string): Promise<ImageDraft> {
  const { mirror } = context;
  const folder = mirror.path(imageFolder('', imageId));
  const failure = { code: 'STORE_UNUSABLE', action: 'create', path: folder } as const;
  await withStoreErrors(failure, () => makeFolders(folder, FOLDER_MODE));
  await begin(context, imageId);
  await refuseOther(context, imageId);
  await mirror.pin(imagePrefix(imageId), DRAFT_PIN);
  await context.index.changed([imageId]);
  return openDraft(context, imageId);
}

async function begin({ bucket, hostName }: ImagesContext, imageId: string): Promise<void> {
  const text = JSON.stringify({ version: 1, nonce: newUuid(), host: hostName, since: new Date().toISOString() });
  if ((await bucket.put(draftKey(imageId), text, { ifAbsent: true })) === null) throw alreadyThere(imageId);
}

/** Looked at only now: what is published later finds ours. */
async function refuseOther({ bucket }: ImagesContext, imageId: string): Promise<void> {
  const names = (await bucket.list(imagePrefix(imageId))).map(({ key }) => path.posix.basename(key));
  if (names.length <= 1) return;
  await bucket.remove([draftKey(imageId)]);
  const isDeleted = names.includes(RECYCLED_FILE) && !names.includes(MANIFEST_FILE);
  throw isDeleted ? stillDeleted(imageId) : alreadyThere(imageId);
}

export function openDraft(context: ImagesContext, imageId: string): ImageDraft {
  const folder = context.mirror.path(imageFolder('', imageId));
  const locate = (file: string) => context.mirror.path(fileKey(imageId, file));
  return {
    imageId,
    path: (file) => makePartial(folder, locate(file)),
    seal: (file, options) => sealFile(context, { imageId, file }, options),
    sealFrom: (file, source, options) => sealFileFrom(context, { imageId, file, source }, options),
    sealedPath: locate,
    publish: (image) => publish(context, imageId, image),
    discard: () => discard(context, imageId),
  };
}

/** Another host, or this one before its copies were removed, may have begun it. */
function makePartial(folder: string, target: string): string {
  try {
    makeFoldersSync(folder);
  } catch (error) {
    throw toStoreError(error, { code: 'STORE_WRITE_FAILED', action: 'create', path: folder });
  }
  return preparePartial(folder, target);
}

function makeFoldersSync(folder: string): void {
  const first = mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  if (first === undefined) return;
  // whatever the umask took away
  for (let made = folder; made.length >= first.length; made = path.dirname(made)) chmodSync(made, FOLDER_MODE);
}
