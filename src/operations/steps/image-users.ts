import path from 'node:path';
import { DarkroomError, hasCode } from '../../model/errors.ts';
import type { ImageUser } from '../../model/image.ts';
import type { Core, OperationContext } from '../support/context.ts';
import { isVisible } from './find-instance.ts';

/** What a launch makes beside disks. Anything else may be a disk, under whatever name somebody gave it. */
const HARMLESS_FILE = /^(?:instance\.json|seed\.iso|nvram\.[a-z0-9]+)$/;

export interface ImageUsage {
  readonly users: readonly ImageUser[];
  /** Of this host, with neither a domain nor a file left: records of instances that are gone. */
  readonly stale: readonly ImageUser[];
}

/** Whose disks have the image as backing file. A record of another host is always believed: from here nobody can tell. */
export async function readUsage(core: Core, imageId: string): Promise<ImageUsage> {
  const records = await core.store.listUsers(imageId);
  const users: ImageUser[] = [];
  const stale: ImageUser[] = [];
  for (const record of records) {
    if (await isStale(core, record)) stale.push(record);
    else users.push(record);
  }
  return { users, stale };
}

async function isStale(core: Core, user: ImageUser): Promise<boolean> {
  if (user.host !== core.hostName) return false;
  const files = await core.files.list(path.join(core.settings.instancesDir, user.instanceId));
  if (!files.every((file) => HARMLESS_FILE.test(file))) return false;
  return !(await hasDomain(core, user.instanceId));
}

/** While libvirt cannot be asked, every instance is taken to exist. */
async function hasDomain(core: Core, instanceId: string): Promise<boolean> {
  try {
    const domains = await core.hypervisor.listDomains();
    return domains.some((domain) => domain.uuid === instanceId);
  } catch (error) {
    if (hasCode(error, 'LIBVIRT_UNREACHABLE')) return true;
    throw error;
  }
}

/** IMAGE_IN_USE naming who uses it, as far as the caller may know. */
export async function requireUnused(
  core: Core,
  image: { readonly id: string; readonly name: string },
  { users }: ImageUsage,
): Promise<void> {
  if (users.length === 0) return;
  const known = await Promise.all(users.map((user) => mayKnow(core, user)));
  const named = users.filter((_user, index) => known[index]);
  const others = users.length - named.length;
  const who = [
    ...named.map((user) => `${user.instanceName} on ${user.host}`),
    ...(others > 0 ? [`${others} more of somebody else`] : []),
  ].join(', ');
  throw new DarkroomError(
    'IMAGE_IN_USE',
    `The image ${image.name} (${image.id}) is the base of the disks of ${who}. Delete those instances first (darkroom instance delete).`,
    { fields: { imageId: image.id, users: who, instanceId: named[0]?.instanceId ?? null } },
  );
}

/** Whose an instance of another host is cannot be seen from here. */
async function mayKnow(core: Core, { host, instanceId }: ImageUser): Promise<boolean> {
  if (core.caller.role === 'admin') return true;
  return host === core.hostName && (await isVisible(core, instanceId).catch(() => false));
}

export async function dropStaleUsers(
  context: OperationContext,
  imageId: string,
  stale: readonly ImageUser[],
): Promise<void> {
  for (const user of stale) {
    await context.store.removeUser(imageId, user.instanceId);
    context.operation.warn(
      `The image was recorded as the base of ${user.instanceName} (${user.instanceId}), which is gone from this host: the record was dropped.`,
    );
  }
}
