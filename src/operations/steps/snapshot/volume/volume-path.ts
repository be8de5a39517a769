import path from 'node:path';
import { newUuid } from '../../../../lib/uuid.ts';
import { DarkroomError } from '../../../../model/errors.ts';
import type { CreateVolumeRequest } from '../../../../model/snapshot/requests.ts';
import type { Core } from '../../../support/context.ts';
import { requireReachable } from '../../launch/require-reachable.ts';
import { requireAllowed } from '../../transfer/transfer-path.ts';

const FOLDER = 'volumes';

/** Where volumes go that nobody stated a place for. */
export function volumesFolder({ settings }: Core): string {
  return path.join(settings.instancesDir, FOLDER);
}

/**
 * The real path of a file that does not exist: the stated one, in a folder that does, or a new name among our own. PATH_TAKEN;
 * PATH_NOT_ALLOWED where the caller acts with our rights and states a place outside the folders for that.
 */
export async function chooseVolumePath(
  core: Core,
  { path: stated, format }: Pick<CreateVolumeRequest, 'path' | 'format'>,
): Promise<string> {
  if (stated !== null) return await resolveStated(core, stated);
  const chosen = path.join(volumesFolder(core), `${newUuid()}.${format}`);
  await requireReachable(core, chosen);
  return chosen;
}

async function resolveStated(core: Core, stated: string): Promise<string> {
  if (!path.isAbsolute(stated)) throw invalid(stated, 'is not absolute');
  const wanted = path.resolve(stated);
  await requirePlace(core, wanted);
  await using folder = await core.files.hold(path.dirname(wanted));
  if (folder?.stat.kind !== 'directory') throw invalid(stated, `lies in no folder that exists: create it first`);
  const resolved = path.join(folder.realPath, path.basename(wanted));
  await requirePlace(core, resolved);
  await requireFree(core, resolved);
  return resolved;
}

/** Among the disks of instances, or where transfers may go. */
async function requirePlace(core: Core, file: string): Promise<void> {
  const { settings } = core;
  const transferDirs = [settings.instancesDir, ...settings.transferDirs];
  await requireAllowed({ ...core, settings: { ...settings, transferDirs } }, file);
}

/** PATH_TAKEN when something is there, also a link that leads nowhere. */
export async function requireFree(core: Core, file: string): Promise<void> {
  if (!(await core.files.list(path.dirname(file))).includes(path.basename(file))) return;
  throw new DarkroomError(
    'PATH_TAKEN',
    `${file} exists already, and no volume overwrites anything: name another path.`,
    {
      fields: { path: file },
    },
  );
}

function invalid(stated: string, why: string): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', `The path of the new volume ${why}: ${stated}`, {
    fields: { path: stated },
  });
}
