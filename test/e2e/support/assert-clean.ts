import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { readDiskChains } from './disk-chains.ts';
import { isAgentAnswering, isFrozen } from './guest-agent.ts';
import type { DarkroomHost } from './run-darkroom.ts';
import type { Guest } from './tiny-guest.ts';
import { domainState, dumpXml, hasBlockJob, isPersistent } from './virsh.ts';

/** What an operation must leave as it was. */
export interface GuestRecord {
  readonly guest: Guest;
  readonly state: string;
  readonly inactiveXml: string;
  readonly chains: Readonly<Record<string, readonly string[]>>;
  readonly files: readonly string[];
  readonly hasAgent: boolean;
}

export async function recordGuest(guest: Guest): Promise<GuestRecord> {
  const state = await domainState(guest);
  return {
    guest,
    state,
    inactiveXml: await dumpXml(guest, { isInactive: true }),
    chains: await readDiskChains(guest),
    files: await listFiles(guest.folder),
    hasAgent: state === 'running' && (await isAgentAnswering(guest)),
  };
}

/**
 * The guest is as recorded: power state, persistent, thawed, same XML, exactly its old chains, no block job, no file
 * more or less beside its disks; no qemu-img still works on them; the store holds no draft.
 */
export async function assertClean(record: GuestRecord, darkroom?: DarkroomHost): Promise<void> {
  const { guest } = record;
  expect(await domainState(guest), 'power state').toBe(record.state);
  expect(await isPersistent(guest), 'persistent').toBe(true);
  if (record.hasAgent) expect(await isFrozen(guest), 'frozen').toBe(false);
  expect(await readDiskChains(guest), 'disk chains').toEqual(record.chains);
  expect(await dumpXml(guest, { isInactive: true }), 'inactive XML').toBe(record.inactiveXml);
  expect(await listFiles(guest.folder), 'files beside the disks').toEqual(record.files);
  if (record.state !== 'shut off') {
    for (const disk of guest.disks) expect(await hasBlockJob(guest, disk.target), `job on ${disk.target}`).toBe(false);
  }
  const places = darkroom === undefined ? [guest.folder] : [guest.folder, darkroom.folder, darkroom.store];
  // any list of volumes, of whatever test, looks at the disks of all guests for a moment, and locks none
  const working = (await findProcesses('qemu-img', places)).filter((args) => !args.startsWith('info --force-share '));
  expect(working, 'qemu-img processes').toEqual([]);
  if (darkroom !== undefined) expect(await listDrafts(darkroom.store), 'drafts in the store').toEqual([]);
}

/** Image folders without a manifest. */
export async function listDrafts(store: string): Promise<readonly string[]> {
  const images = path.join(store, 'images');
  const drafts: string[] = [];
  for (const id of await listFolder(images)) {
    if (!(await listFolder(path.join(images, id))).includes('manifest.json')) drafts.push(id);
  }
  return drafts;
}

/** Command lines of running processes of a program that name one of the places. */
export async function findProcesses(program: string, places: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of await listFolder('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const [file = '', ...args] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    const commandLine = args.join(' ');
    if (path.basename(file) === program && places.some((place) => commandLine.includes(place))) found.push(commandLine);
  }
  return found;
}

async function listFiles(folder: string): Promise<readonly string[]> {
  return (await readdir(folder, { recursive: true })).sort();
}

async function listFolder(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}
