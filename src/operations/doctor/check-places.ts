import path from 'node:path';
import type { DoctorCheck } from '../../model/doctor.ts';
import { toDarkroomError } from '../../model/errors.ts';
import { formatBytes } from '../../model/format-bytes.ts';
import type { Core } from '../support/context.ts';
import { badCheck, okCheck } from './doctor-check.ts';

const OTHERS_MAY_ENTER = 0o001;

/** The store and the folders that Darkroom writes to: there, with room, and open to the QEMU user where it must read. */
export async function checkPlaces(core: Core): Promise<DoctorCheck[]> {
  return [
    await checkStore(core),
    await checkSpaceAt(core, 'store.space', core.store.rootPath),
    await checkSpaceAt(core, 'instances.space', core.settings.instancesDir),
    await checkReachable(core, 'store.reachable', core.store.rootPath),
    await checkReachable(core, 'instances.reachable', core.settings.instancesDir),
    await checkQemuUser(core),
  ];
}

async function checkStore(core: Core): Promise<DoctorCheck> {
  try {
    await core.store.assertWritable();
    return okCheck('store.writable', `images can be written to ${core.store.location}`);
  } catch (error) {
    return badCheck('store.writable', 'error', {
      message: toDarkroomError(error).message,
      remedy: core.store.keepsFilesHere
        ? `Make ${core.store.location} writable for this user, or name another store (--store).`
        : 'Look at the endpoint and the credentials of the store in the configuration, and whether its server runs.',
    });
  }
}

async function checkSpaceAt(core: Core, id: string, folder: string): Promise<DoctorCheck> {
  const place = await nearestFolder(core, folder);
  const freeBytes = await core.files.freeBytes(place);
  const message = `${formatBytes(freeBytes)} free at ${place}`;
  if (freeBytes > core.settings.reserveBytes * 4) return okCheck(id, message);
  return badCheck(id, freeBytes > core.settings.reserveBytes ? 'warning' : 'error', {
    message,
    remedy: 'Delete images or instances, or move the folder to a larger file system.',
  });
}

async function nearestFolder(core: Core, folder: string): Promise<string> {
  if ((await core.files.stat(folder))?.kind === 'directory') return folder;
  return nearestFolder(core, path.dirname(folder));
}

/** QEMU runs as another user and opens what lies below. */
async function checkReachable(core: Core, id: string, folder: string): Promise<DoctorCheck> {
  let place = await nearestFolder(core, folder);
  for (; place !== path.dirname(place); place = path.dirname(place)) {
    const stat = await core.files.stat(place);
    if (stat === null || (stat.mode & OTHERS_MAY_ENTER) !== 0) continue;
    return badCheck(id, 'error', {
      message: `the user ${core.settings.qemuUser} cannot enter ${place}, so no guest can have its disk in ${folder}`,
      remedy: `chmod o+x ${place}, or use another folder.`,
    });
  }
  return okCheck(id, `${folder} can be reached by QEMU`);
}

async function checkQemuUser(core: Core): Promise<DoctorCheck> {
  const { qemuUser } = core.settings;
  if ((await core.files.lookUpUser(qemuUser)) !== null) return okCheck('qemu.user', `QEMU runs as ${qemuUser}`);
  return badCheck('qemu.user', 'warning', {
    message: `there is no user ${qemuUser}`,
    remedy: 'Set qemu_user to the user of /etc/libvirt/qemu.conf.',
  });
}
