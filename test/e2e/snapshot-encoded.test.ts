import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Snapshot } from '../../src/model/snapshot/snapshot.ts';
import { type BlankGuest, defineBlankGuest } from './support/blank-guest.ts';
import { runCommand, tryCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { hashDisk, hashFile, snapshotFile, takeSnapshot } from './support/snapshots.ts';

const MIB = 1024 ** 2;

let guest: BlankGuest;

beforeAll(async () => {
  guest = await defineBlankGuest([{ target: 'vda', format: 'qcow2', sizeBytes: 32 * MIB }]);
  await guest.start();
});
afterAll(async () => {
  await guest?.[Symbol.asyncDispose]();
});

it.each(['--encrypt', '--compress'])(
  '%s: whole, by bitmap and by comparing, they hold what the volume held',
  async (how) => {
    const key = path.join(guest.folder, 'key');
    await writeFile(key, randomBytes(32).toString('base64'), { mode: 0o600 });
    await using darkroom = await createDarkroomHost({ env: { DARKROOM_ENCRYPTION_KEY_FILE: key } });
    const methods: string[] = [];
    const take = async (offsetMiB: number): Promise<Snapshot> => {
      await guest.write('vda', { offset: offsetMiB * MIB, length: MIB, byte: 0x6b + offsetMiB });
      const snapshot = await takeSnapshot(darkroom, `${guest.name}/vda`, [how]);
      expect(await hashContent(darkroom, snapshot), snapshot.method).toBe(
        await hashDisk({ path: diskPath(), format: 'qcow2' }),
      );
      methods.push(snapshot.method);
      return snapshot;
    };
    await take(0);
    await take(4);
    await guest.kill();
    await guest.start();
    const last = await take(8);
    expect(methods).toEqual(['full', 'bitmap', 'compare']);
    expect(last).toMatchObject({ isEncrypted: how === '--encrypt', isCompressed: how === '--compress' });
    if (how === '--encrypt') await expectSealed(darkroom, last);
    await rm(key);
  },
);

function diskPath(): string {
  const [disk] = guest.disks;
  if (disk === undefined) throw new Error('the guest has no disk');
  return disk.path;
}

/** As a restore reads it, with the key where it needs one. */
async function hashContent(darkroom: DarkroomHost, { id }: Snapshot): Promise<string> {
  const raw = path.join(darkroom.folder, `${id}.raw`);
  await darkroom.json(['volume', 'create', '--from-snapshot', id, '--format', 'raw', '--file', raw]);
  return await hashFile(raw);
}

/** Nothing of it can be read without the key. */
async function expectSealed(darkroom: DarkroomHost, snapshot: Snapshot): Promise<void> {
  const file = snapshotFile(darkroom, snapshot);
  expect(await runCommand('qemu-img', ['info', '-f', 'qcow2', file])).toContain('encrypted: yes');
  const raw = path.join(darkroom.folder, 'sealed.raw');
  expect((await tryCommand('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', file, raw])).exitCode).not.toBe(0);
  const refused = await darkroom.run(['volume', 'create', '--from-snapshot', snapshot.id], {
    env: { DARKROOM_ENCRYPTION_KEY_FILE: path.join(darkroom.folder, 'nowhere') },
  });
  expect([refused.exitCode, refused.stderr]).toEqual([5, expect.stringContaining('ENCRYPTION_KEY_MISSING')]);
}
