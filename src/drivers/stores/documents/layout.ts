import path from 'node:path';
import { DarkroomError } from '../../../model/errors.ts';

export const MANIFEST_FILE = 'manifest.json';
export const USERS_FOLDER = 'users';
/** Beside the manifest of a deleted image: since when, by whom, until when. */
export const RECYCLED_FILE = 'recycled.json';

/** QEMU's user must be able to pass through to a disk whose path it was given, and need not see what else there is. */
export const FOLDER_MODE = 0o711;
/** Nobody but us looks into `tpm/` and `users/`. */
export const PRIVATE_FOLDER_MODE = 0o700;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const PARTIAL = /^\..*\.partial$/;
const NAME_SEGMENT = /^[A-Za-z0-9._+@=-]{1,200}$/;
const MAX_DEPTH = 5;

export function isUuid(text: string): boolean {
  return UUID.test(text);
}

export function imagesFolder(root: string): string {
  return path.join(root, 'images');
}

/** IMAGE_NOT_FOUND unless the id is a UUID in lower case: nothing else ever becomes part of a path. */
export function imageFolder(root: string, imageId: string): string {
  if (!isUuid(imageId)) throw imageNotFound(imageId);
  return path.join(imagesFolder(root), imageId);
}

export function manifestPath(root: string, imageId: string): string {
  return path.join(imageFolder(root, imageId), MANIFEST_FILE);
}

export function usersFolder(root: string, imageId: string): string {
  return path.join(imageFolder(root, imageId), USERS_FOLDER);
}

/** INVALID_REQUEST unless the instance's id is a UUID in lower case. */
export function userPath(root: string, user: { readonly imageId: string; readonly instanceId: string }): string {
  return path.join(usersFolder(root, user.imageId), `${requireInstanceId(user.instanceId)}.json`);
}

/** Deleted images that can be brought back. */
export function recycleFolder(root: string): string {
  return path.join(root, 'recycle');
}

/** IMAGE_NOT_FOUND unless the id is a UUID in lower case. */
export function recycledFolder(root: string, imageId: string): string {
  if (!isUuid(imageId)) throw imageNotFound(imageId);
  return path.join(recycleFolder(root), imageId);
}

/** What is being purged has this name until all of it is gone. */
export function purgedFolder(root: string, imageId: string): string {
  const folder = recycledFolder(root, imageId);
  return path.join(path.dirname(folder), `.${imageId}.purged`);
}

/** The id of an image that is being purged; null for any other name. */
export function parsePurgedName(name: string): string | null {
  const id = /^\.(.*)\.purged$/.exec(name)?.[1] ?? '';
  return isUuid(id) ? id : null;
}

/** Shelved instances. */
export function instancesFolder(root: string): string {
  return path.join(root, 'instances');
}

/** INVALID_REQUEST unless the id is a UUID in lower case. */
export function recordPath(root: string, instanceId: string): string {
  return path.join(instancesFolder(root), `${requireInstanceId(instanceId)}.json`);
}

/** INVALID_REQUEST unless the id is a UUID in lower case. */
export function claimPath(root: string, instanceId: string): string {
  return path.join(instancesFolder(root), `${requireInstanceId(instanceId)}.claim`);
}

/** A relative path of plain names that stays inside its image's folder and is none of the store's own files. */
export function isSafeFileName(file: string): boolean {
  const segments = file.split('/');
  if (segments.length > MAX_DEPTH || !segments.every(isSafeSegment)) return false;
  return file !== MANIFEST_FILE && file !== RECYCLED_FILE && segments[0] !== USERS_FOLDER;
}

function requireInstanceId(instanceId: string): string {
  if (isUuid(instanceId)) return instanceId;
  throw new DarkroomError('INVALID_REQUEST', `"${instanceId}" is not an instance id: expected a UUID`);
}

function isSafeSegment(segment: string): boolean {
  return NAME_SEGMENT.test(segment) && segment !== '.' && segment !== '..' && !PARTIAL.test(segment);
}

/** The name under which a file is written until it is complete. */
export function partialPath(filePath: string): string {
  return path.join(path.dirname(filePath), `.${path.basename(filePath)}.partial`);
}

export function imageNotFound(imageId: string): DarkroomError {
  return new DarkroomError('IMAGE_NOT_FOUND', `There is no image ${imageId} in the store`, { fields: { imageId } });
}
