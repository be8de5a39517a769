import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import type { Snapshot } from '../../../src/model/snapshot/snapshot.ts';
import { findProcesses } from './assert-clean.ts';
import type { GuestDisk } from './guest-disks.ts';
import { runCommand, tryCommand } from './run-command.ts';
import type { DarkroomHost } from './run-darkroom.ts';
import { hashFile, snapshotFile } from './snapshots.ts';
import type { Guest } from './tiny-guest.ts';
import { onDomain } from './virsh.ts';

const recordSchema = z.object({
  id: z.string(),
  volume: z.string(),
  parent: z.string().nullable(),
  setId: z.string(),
  checkpoint: z.string().nullable(),
  sha256: z.string(),
  sizeBytes: z.number(),
  isDeleted: z.boolean(),
  pending: z.unknown(),
});
const infoSchema = z.object({
  'format-specific': z.object({
    data: z.object({ bitmaps: z.array(z.object({ name: z.string() })).default([]) }),
  }),
});
export type StoredSnapshot = z.infer<typeof recordSchema>;

/** What the store holds: the records as they are written, and which file stands behind each of them. */
export interface StoreState {
  readonly records: readonly StoredSnapshot[];
  /** By path, inode, length and time of the last change of every file of a snapshot. */
  readonly files: ReadonlyMap<string, string>;
}

/** Fails where a folder of a volume has any file that is no part of a snapshot: a draft, a claim, a file without its record. */
export async function readStoreState(darkroom: DarkroomHost): Promise<StoreState> {
  const root = path.join(darkroom.store, 'snapshots');
  const names = (await readdir(root, { recursive: true }).catch(() => [])).filter((name) => name.includes('/')).sort();
  const records: StoredSnapshot[] = [];
  const files = new Map<string, string>();
  for (const name of names.filter((each) => /^[^/]+\/[0-9a-f-]{36}\.json$/.test(each))) {
    records.push(recordSchema.parse(JSON.parse(await readFile(path.join(root, name), 'utf8'))));
  }
  const stems = records.map(({ volume, id }) => `${volume}/${id}`);
  const expected = stems.flatMap((stem) => [`${stem}.json`, `${stem}.qcow2`, `${stem}.xml`]).sort();
  expect(names, 'files in the store').toEqual(expected);
  for (const stem of stems) {
    const { ino, size, mtimeMs } = await stat(path.join(root, `${stem}.qcow2`));
    files.set(stem, `${ino} ${size} ${mtimeMs}`);
  }
  return { records, files };
}

/** Snapshots that were there before have the files that they had; returns the state of now. */
export async function expectKept(darkroom: DarkroomHost, before: StoreState): Promise<StoreState> {
  const now = await readStoreState(darkroom);
  for (const [stem, facts] of before.files) expect(now.files.get(stem), `file of ${stem}`).toBe(facts);
  return now;
}

/** Every file is what its record says, down to the last byte. */
export async function expectSound(darkroom: DarkroomHost, { records }: StoreState): Promise<void> {
  for (const { id, volume, sha256, pending } of records) {
    expect(pending, `rewrite of ${id}`).toBeNull();
    expect(await hashFile(path.join(darkroom.store, 'snapshots', volume, `${id}.qcow2`)), id).toBe(sha256);
  }
}

/** QEMU does nothing for us any more, and knows no checkpoint of ours that is not a snapshot's. */
export async function expectNoJob(guest: Guest, { records }: StoreState): Promise<void> {
  const { exitCode } = await tryCommand('virsh', ['-q', '-c', guest.uri, 'backup-dumpxml', guest.name]);
  expect(exitCode, 'exit code of a question for the backup job').toBe(1);
  const known = new Set(records.map(({ checkpoint }) => checkpoint));
  const ours = (await listCheckpoints(guest)).filter((name) => name.startsWith('darkroom-'));
  expect(
    ours.filter((name) => !known.has(name)),
    'checkpoints without a snapshot',
  ).toEqual([]);
  expect(await findProcesses('qemu-storage-daemon', [guest.folder]), 'storage daemons').toEqual([]);
}

export async function listCheckpoints(guest: Guest): Promise<readonly string[]> {
  return (await onDomain(guest, 'checkpoint-list', ['--name'])).split('\n').flatMap((line) => line.trim() || []);
}

/** Names of the bitmaps in a file that nobody has open. */
export async function bitmapsOf(disk: GuestDisk): Promise<readonly string[]> {
  const info = JSON.parse(await runCommand('qemu-img', ['info', '--output=json', '-f', disk.format, disk.path]));
  return infoSchema.parse(info)['format-specific'].data.bitmaps.map(({ name }) => name);
}

/** A snapshot, with all that it stands on, reads as that disk or file does, whatever their formats. */
export async function expectSameContent(
  darkroom: DarkroomHost,
  snapshot: Pick<Snapshot, 'id' | 'volume'>,
  disk: Pick<GuestDisk, 'path' | 'format'>,
): Promise<void> {
  const files = [snapshotFile(darkroom, snapshot), disk.path];
  const result = await tryCommand('qemu-img', ['compare', '-U', '-f', 'qcow2', '-F', disk.format, ...files]);
  expect(result, `${snapshot.id} and ${disk.path}`).toMatchObject({ exitCode: 0 });
}
