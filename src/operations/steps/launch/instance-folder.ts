import path from 'node:path';
import type { FileOwnership } from '../../../model/ports/host.ts';
import { type InstanceRecord, parseInstanceRecord } from '../../instance-record-plan.ts';
import type { Core } from '../../support/context.ts';

export const SEED_FILE = 'seed.iso';
const RECORD_FILE = 'instance.json';
const MAX_RECORD_BYTES = 1024 ** 2;

/** QEMU's user must be able to pass, and need not see what else there is. */
const FOLDER_MODE = 0o711;

export function instanceFolder(core: Core, instanceId: string): string {
  return path.join(core.settings.instancesDir, instanceId);
}

export async function makeInstanceFolder(core: Core, folder: string): Promise<void> {
  const parent = path.dirname(folder);
  if ((await core.files.stat(parent)) === null) await core.files.makeDirectory(parent, { mode: FOLDER_MODE });
  await core.files.makeDirectory(folder, { mode: FOLDER_MODE });
}

/** Owner and mode of what QEMU writes. libvirt changes the owner at start anyway; this is for the time before. */
export async function guestOwnership(core: Core): Promise<Partial<FileOwnership>> {
  const user = await core.files.lookUpUser(core.settings.qemuUser);
  return { ...user, mode: 0o600 };
}

export async function writeInstanceRecord(core: Core, folder: string, record: InstanceRecord): Promise<void> {
  const text = `${JSON.stringify(record, null, 2)}\n`;
  await core.files.writeDurably(path.join(folder, RECORD_FILE), text, { mode: 0o600 });
}

/** null when there is none, or when it belongs to another instance. */
export async function readInstanceRecord(core: Core, instanceId: string): Promise<InstanceRecord | null> {
  const file = path.join(instanceFolder(core, instanceId), RECORD_FILE);
  if ((await core.files.stat(file))?.kind !== 'file') return null;
  const record = parseInstanceRecord(await core.files.readText(file, { maxBytes: MAX_RECORD_BYTES }));
  return record?.instanceId === instanceId ? record : null;
}

/** Removes exactly the files named, the record last, and the folder when nothing else is in it. Returns what is left there. */
export async function removeInstanceFiles(
  core: Core,
  folder: string,
  files: readonly string[],
): Promise<readonly string[]> {
  for (const file of [...files, RECORD_FILE]) await core.files.remove(path.join(folder, file));
  const left = await core.files.list(folder);
  if (left.length === 0) await core.files.removeTree(folder);
  return left.map((file) => path.join(folder, file));
}
