import path from 'node:path';
import { DarkroomError } from '../../../../model/errors.ts';
import {
  imageFolder,
  imagesFolder,
  isSafeFileName,
  isUuid,
  RECYCLED_FILE,
  usersFolder,
} from '../../documents/layout.ts';
import { PARTS_SUFFIX } from '../bucket.ts';

/** Every object of every image. */
export const IMAGES_PREFIX = `${imagesFolder('')}/`;

/** Whoever makes an image has this beside its files until it is published. */
const DRAFT_FILE = '.draft';

/** Every object of an image; IMAGE_NOT_FOUND unless the id is a UUID in lower case. */
export function imagePrefix(imageId: string): string {
  return `${imageFolder('', imageId)}/`;
}

export function draftKey(imageId: string): string {
  return `${imagePrefix(imageId)}${DRAFT_FILE}`;
}

export function recycledKey(imageId: string): string {
  return `${imagePrefix(imageId)}${RECYCLED_FILE}`;
}

export function usersPrefix(imageId: string): string {
  return `${usersFolder('', imageId)}/`;
}

/** The image that an object belongs to, and what it is called in there; null for one that belongs to none. */
export function parseImageKey(key: string): { readonly imageId: string; readonly file: string } | null {
  const [, imageId = '', ...names] = key.split('/');
  if (!key.startsWith(IMAGES_PREFIX) || !isUuid(imageId)) return null;
  return { imageId, file: names.join('/') };
}

/** Names that the store itself uses beside the files of an image are none of theirs. */
export function isFileName(file: string): boolean {
  const isOurs = file.endsWith(PARTS_SUFFIX) || file.split('/').some((segment) => segment.startsWith('.'));
  return isSafeFileName(file) && !isOurs;
}

/** INTERNAL for a name that is none of a file of an image. */
export function fileKey(imageId: string, file: string): string {
  if (isFileName(file)) return path.join(imageFolder('', imageId), file);
  throw new DarkroomError('INTERNAL', `${JSON.stringify(file)} is not a name for a file of an image`);
}
