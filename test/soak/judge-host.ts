import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { z } from 'zod';
import { findProcesses, listDrafts } from '../e2e/support/assert-clean.ts';
import { readDiskChains } from '../e2e/support/disk-chains.ts';
import { tryCommand } from '../e2e/support/run-command.ts';
import { domainState, dumpXml, hasBlockJob, isPersistent, onDomain, virsh } from '../e2e/support/virsh.ts';
import { readSector, type SoakGuest } from './soak-guest.ts';
import type { Ward } from './ward.ts';
import type { World } from './world.ts';

/** What is wrong with a guest that should run on its own disk. */
export async function judgeGuest({ guest, wasShelved }: Ward): Promise<readonly string[]> {
  const chain = (await readDiskChains(guest))['vda'] ?? [];
  // what comes back from a shelf is flat
  const chains = wasShelved ? [guest.chain, [guest.disk.path]] : [guest.chain];
  const state = await domainState(guest);
  const damage = state === 'running' && guest.disk.format === 'qcow2' ? await findDamage(guest) : null;
  const files = (await readdir(guest.folder)).filter((file) => !isOwn(path.join(guest.folder, file), guest.chain));
  const wrongs = [
    state === 'running' ? null : `is ${state}`,
    (await isPersistent(guest)) ? null : 'is transient',
    chains.some((allowed) => allowed.join() === chain.join()) ? null : `is on ${chain.join(' <- ')}`,
    (await dumpXml(guest, { isInactive: true })).includes('overlay') ? 'has an overlay in its inactive XML' : null,
    state === 'running' && (await hasBlockJob(guest, 'vda')) ? 'has a block job' : null,
    damage,
    files.length === 0 ? null : `has files that are not its own: ${files.join(', ')}`,
    (await readSector(guest.disk, 0)).readUInt16LE(510) === 0xaa55 ? null : 'has no boot sector',
  ];
  return wrongs.flatMap((wrong) => (wrong === null ? [] : [`${guest.name} ${wrong}`]));
}

/** Paused: then QEMU has written all that it knew. */
async function findDamage(guest: SoakGuest): Promise<string | null> {
  await onDomain(guest, 'suspend');
  const check = await tryCommand('qemu-img', ['check', '-U', '-q', '-f', guest.disk.format, guest.disk.path]);
  await onDomain(guest, 'resume');
  return check.exitCode === 0 ? null : `has a bad disk: ${check.stderr}${check.stdout}`;
}

function isOwn(file: string, chain: readonly string[]): boolean {
  return chain.includes(file) || path.basename(file) === 'serial.log';
}

/** What an agent must not leave on its host, once everything is over and every instance it launched is deleted. */
export async function judgeHost({ host, folder, places, guests }: World): Promise<readonly string[]> {
  const names = (await virsh(host.uri, ['list', '--all', '--name'])).split('\n').filter((name) => name.trim() !== '');
  const strangers = names.filter((name) => !guests.some((guest) => guest.name === name));
  const machines = await findProcesses('qemu-system-x86_64', [folder]);
  return [
    ...strangers.map((name) => `the domain ${name} is left`),
    ...(machines.length === guests.length ? [] : [`${machines.length} QEMUs run for ${guests.length} guests`]),
    ...(await findProcesses('qemu-img', [folder])).map((command) => `still runs: ${command}`),
    ...(await listDrafts(places.store)).map((id) => `the draft ${id} is left`),
    ...(await listLeftFiles(folder)).map((file) => `left: ${file}`),
    ...judgeJournal(places.state),
  ];
}

/** Everything but disks of guests, whole images, and what a host keeps. */
const KEPT = [
  /^(agent\.(log|sock)|guests|state|store|instances|overlays|store\/(images|instances|snapshots))$/,
  /^state\/state\.db(-wal|-shm)?$/,
  /^guests\//,
  /^store\/images\/[0-9a-f-]{36}(\/(manifest\.json|domain\.xml|disk-vda\.(raw|qcow2)|users))?$/,
];

async function listLeftFiles(folder: string): Promise<readonly string[]> {
  const files = await readdir(folder, { recursive: true });
  return files.filter((file) => !KEPT.some((pattern) => pattern.test(file)));
}

const rowsSchema = z.array(z.record(z.string(), z.unknown()));

function judgeJournal(stateDir: string): readonly string[] {
  const sqlite: typeof import('@photostructure/sqlite') = createRequire(import.meta.url)('@photostructure/sqlite');
  const database = new sqlite.DatabaseSync(path.join(stateDir, 'state.db'));
  try {
    const read = (sql: string) => rowsSchema.parse(database.prepare(sql).all());
    const open = read("SELECT id, kind, status, step FROM operations WHERE status = 'running' OR plan IS NOT NULL");
    const locks = read('SELECT key, operation_id, kind FROM locks');
    return [
      ...open.map((row) => `not settled: ${JSON.stringify(row)}`),
      ...locks.map((row) => `still locked: ${JSON.stringify(row)}`),
    ];
  } finally {
    database.close();
  }
}
