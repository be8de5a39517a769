import path from 'node:path';
import { DarkroomError } from '../../../model/errors.ts';
import type { OpenStore } from '../../../model/ports/stores.ts';
import type { Core } from '../../support/context.ts';

/** Where the host's own images, or snapshots, are. */
interface OwnPlace {
  readonly location: string;
  readonly rootPath: string;
}

/**
 * A store that a request names, or null where that is the host's own: by its name in the configuration, or, for those who act with
 * their own rights on paths of this host, by its folder or URL. PATH_NOT_ALLOWED, STORE_NOT_FOUND; INVALID_REQUEST for a folder that is not there.
 */
export async function chooseStore(core: Core, wanted: string, own: OwnPlace): Promise<OpenStore | null> {
  const named = core.stores.list().find(({ name, location }) => name === wanted || location === wanted);
  const place = named?.location ?? (await findPlace(core, wanted));
  if (await isSamePlace(core, place, own)) return null;
  return core.stores.open(named?.name ?? place);
}

/** What is no name is a place, and the other way round. */
async function findPlace(core: Core, wanted: string): Promise<string> {
  if (!wanted.includes('/')) return wanted;
  requireTrusted(core, wanted);
  return isUrl(wanted) ? wanted : await findFolder(core, path.resolve(wanted));
}

function requireTrusted({ caller }: Core, wanted: string): void {
  if (caller.isTrustedWithPaths) return;
  throw new DarkroomError(
    'PATH_NOT_ALLOWED',
    `The agent opens no store at a place that a client names: ${wanted}. Name one of its configuration (darkroom store list).`,
    { fields: { path: wanted } },
  );
}

/** Its true path: one folder is one store, whatever leads to it. */
async function findFolder(core: Core, folder: string): Promise<string> {
  await using held = await core.files.hold(folder);
  if (held?.stat.kind === 'directory') return held.realPath;
  throw new DarkroomError('INVALID_REQUEST', `There is no folder ${folder}: create it first.`, {
    fields: { store: folder },
  });
}

async function isSamePlace(core: Core, location: string, own: OwnPlace): Promise<boolean> {
  if (isUrl(location) || isUrl(own.location)) return withoutSlash(location) === withoutSlash(own.location);
  if (!location.includes('/')) return false;
  await using one = await core.files.hold(location);
  await using other = await core.files.hold(own.rootPath);
  if (one === null || other === null) return path.resolve(location) === path.resolve(own.rootPath);
  return one.realPath === other.realPath;
}

function isUrl(location: string): boolean {
  return location.startsWith('s3://');
}

function withoutSlash(location: string): string {
  return location.replace(/\/+$/, '');
}
