import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';
import { describeKept, dropUnusedImage } from '../drop-unused-image.ts';
import { findDomainOf, notFound } from '../find-instance.ts';
import { readUsage, requireUnused } from '../image-users.ts';
import { findShelved, readOwnRecord, shelvedConflict } from './find-shelved.ts';

export type FoundInstance =
  | { readonly domain: DomainInfo; readonly record: ShelvedInstance | null }
  | { readonly domain: null; readonly record: ShelvedInstance };

/** An instance wherever it is: on this host, shelved, or both. INSTANCE_STATE for one that another host still has. */
export async function findDoomed(core: Core, reference: string): Promise<FoundInstance> {
  const domain = await findDomainOf(core, reference);
  if (domain !== null) return { domain, record: await readOwnRecord(core, domain) };
  const record = await findShelved(core, reference);
  if (record === null) throw notFound(core, reference);
  if (record.state !== 'shelved_offloaded') throw shelvedConflict(record);
  return { domain, record };
}

/** IMAGE_PROTECTED, IMAGE_IN_USE; an image that is gone or damaged stands in nobody's way. */
export async function requireDisposable(core: Core, { imageId, name }: ShelvedInstance): Promise<void> {
  try {
    const image = await core.store.readImage(imageId);
    if (!image.protected) return await requireUnused(core, image, await readUsage(core, imageId));
  } catch (error) {
    if (hasCode(error, 'IMAGE_NOT_FOUND', 'IMAGE_DAMAGED')) return;
    throw error;
  }
  throw new DarkroomError(
    'IMAGE_PROTECTED',
    `The image of the shelved instance ${name} (${imageId}) is protected. If it may go: darkroom image set ${imageId} --no-protected`,
    { fields: { imageId } },
  );
}

/** Image and record of a shelved instance go. Returns what a person should know. */
export async function dropShelved(core: Core, instanceId: string, imageId: string): Promise<string[]> {
  const isThere = await core.store.readImage(imageId).then(
    () => true,
    (error: unknown) => !hasCode(error, 'IMAGE_NOT_FOUND'),
  );
  const record = await core.shelf.read(instanceId);
  const users = await dropUnusedImage(core, imageId);
  // what was shelved anew since is another's
  if (record?.imageId === imageId) await core.shelf.remove(instanceId);
  if (users.length > 0) return [describeKept(imageId, users)];
  return isThere || record?.isImageDeferred === true
    ? []
    : [`Its image ${imageId} was not in ${core.store.location} any more.`];
}
