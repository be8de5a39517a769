import { stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { snapshotSchema } from '../../../src/api/schemas/snapshots.ts';
import type { Snapshot } from '../../../src/model/snapshot/snapshot.ts';
import { runCommand } from './run-command.ts';
import type { DarkroomHost } from './run-darkroom.ts';
import { createTestFolder } from './test-folder.ts';

/** Of one volume, as `<instance>/<target>`. */
export async function takeSnapshot(
  darkroom: DarkroomHost,
  volume: string,
  args: readonly string[] = [],
): Promise<Snapshot> {
  return snapshotSchema.parse(await darkroom.json(['snapshot', 'create', volume, ...args]));
}

/** Of all volumes of an instance. */
export async function takeSnapshots(darkroom: DarkroomHost, instance: string): Promise<readonly Snapshot[]> {
  return z.array(snapshotSchema).parse(await darkroom.json(['snapshot', 'create', '--instance', instance]));
}

export async function listSnapshots(darkroom: DarkroomHost): Promise<readonly Snapshot[]> {
  return z.array(snapshotSchema).parse(await darkroom.json(['snapshot', 'list']));
}

/** Whose file is meant. */
export type SnapshotRef = Pick<Snapshot, 'volume' | 'id'>;

export function snapshotFile(darkroom: DarkroomHost, { volume, id }: SnapshotRef): string {
  return path.join(darkroom.store, 'snapshots', volume, `${id}.qcow2`);
}

/** Bytes that all files of snapshots take on the file system. */
export async function storedBytes(darkroom: DarkroomHost): Promise<number> {
  const found = await runCommand('find', [
    path.join(darkroom.store, 'snapshots'),
    '-name',
    '*.qcow2',
    '-printf',
    '%b\n',
  ]);
  return found.split('\n').reduce((sum, blocks) => sum + Number(blocks) * 512, 0);
}

/** Nothing but qemu-img reads it. */
export async function exportRaw(darkroom: DarkroomHost, snapshot: SnapshotRef, target: string): Promise<void> {
  await runCommand('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', snapshotFile(darkroom, snapshot), target]);
}

/** SHA-256 of what the volume held, as a guest would read it. */
export async function hashContent(darkroom: DarkroomHost, snapshot: SnapshotRef): Promise<string> {
  await using folder = await createTestFolder();
  const raw = path.join(folder.path, 'content.raw');
  await exportRaw(darkroom, snapshot, raw);
  return await hashFile(raw);
}

export async function hashFile(file: string): Promise<string> {
  return (await runCommand('sha256sum', [file])).slice(0, 64);
}

/** A file of the ext4 file system that fills the volume. */
export async function readFileInSnapshot(darkroom: DarkroomHost, snapshot: SnapshotRef, file: string): Promise<string> {
  await using folder = await createTestFolder();
  const raw = path.join(folder.path, 'content.raw');
  await exportRaw(darkroom, snapshot, raw);
  return await runCommand('debugfs', ['-R', `cat ${file}`, raw]);
}

/** SHA-256 of what a disk holds. */
export async function hashDisk(disk: { readonly path: string; readonly format: string }): Promise<string> {
  await using folder = await createTestFolder();
  const raw = path.join(folder.path, 'content.raw');
  await runCommand('qemu-img', ['convert', '-U', '-f', disk.format, '-O', 'raw', disk.path, raw]);
  return await hashFile(raw);
}

export async function allocatedBytes(file: string): Promise<number> {
  return (await stat(file)).blocks * 512;
}
