import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { imageSchema, recycledImageSchema } from '../../../src/api/schemas/images.ts';
import { createDirectoryStore } from '../../../src/drivers/stores/directory/directory-store.ts';
import { makeImage, publishImage } from '../../support/sample-images.ts';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';
const WEEK_MS = 7 * 86_400_000;

let folder: string;
let storeFolder: string;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'dr-recycle-'));
  storeFolder = path.join(folder, 'store');
  const store = createDirectoryStore({ location: storeFolder, imageGroup: 'root' });
  await publishImage(store, makeImage(ID, { name: 'golden' }));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function darkroom(line: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const { PATH = '', HOME = '' } = process.env;
  const options = ['--connect', 'test:///default', '--state-dir', path.join(folder, 'state'), '--store', storeFolder];
  const environment = { PATH, HOME, NO_COLOR: '1', DARKROOM_IMAGE_GROUP: 'root', ...env };
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...line.split(' '), ...options], { env: environment }, (error, stdout, stderr) =>
      resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });
}

async function listDeleted() {
  const { stdout } = await darkroom('image list --deleted --json');
  return z.array(recycledImageSchema).parse(JSON.parse(stdout));
}

describe('the command line', () => {
  it('brings a deleted image back, as it was', async () => {
    expect((await darkroom('image delete golden')).exitCode).toBe(0);
    expect((await darkroom('image show golden')).exitCode).toBe(3);
    const [deleted, ...others] = await listDeleted();
    expect(others).toEqual([]);
    expect(deleted).toMatchObject({ id: ID, sizeBytes: 14, image: { name: 'golden' } });
    const keptMs = Date.parse(deleted?.expiresAt ?? '') - Date.parse(deleted?.deletedAt ?? '');
    expect(keptMs).toBe(WEEK_MS);
    expect((await darkroom('image list --deleted')).stdout).toContain('1 deleted image takes 14 B');
    const undeleted = await darkroom('image undelete golden --json');
    expect(imageSchema.parse(JSON.parse(undeleted.stdout))).toEqual(makeImage(ID, { name: 'golden' }));
    expect(await listDeleted()).toEqual([]);
    expect((await darkroom('image undelete golden')).exitCode).toBe(3);
  });

  it('deletes for good with --purge, also what was deleted before', async () => {
    expect((await darkroom('image delete golden')).exitCode).toBe(0);
    const purged = await darkroom('image delete --purge golden');
    expect(purged.stdout).toContain('image golden: deleted for good');
    expect(readdirSync(path.join(storeFolder, 'recycle'))).toEqual([]);
    expect((await darkroom('image delete --purge golden')).exitCode).toBe(3);
  });

  it('keeps nothing where the recycle period is set to no days', async () => {
    expect((await darkroom('image delete golden', { DARKROOM_RECYCLE_DAYS: '0' })).exitCode).toBe(0);
    expect(readdirSync(path.join(storeFolder, 'images'))).toEqual([]);
    expect(existsSync(path.join(storeFolder, 'recycle'))).toBe(false);
  });

  it('does not take --deleted together with a filter of images', async () => {
    expect((await darkroom('image list --deleted --type backup')).exitCode).toBe(2);
  });
});

describe('a store without room', () => {
  const MIB = 1024 * 1024;
  let small: string;

  beforeEach(() => {
    small = path.join(folder, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'dr-bk-c-recycle', small]);
    storeFolder = path.join(small, 'store');
    writeFileSync(path.join(folder, 'disk.raw'), randomBytes(12 * MIB));
  });
  afterEach(() => execFileSync('umount', [small]));

  it('takes in a new image where deleted ones make way, those that were deleted first', {
    timeout: 120_000,
  }, async () => {
    const env = { DARKROOM_RESERVE_BYTES: '8MiB' };
    const importAs = (name: string) =>
      darkroom(`image import ${path.join(folder, 'disk.raw')} --format raw --name ${name} --json`, env);
    for (const name of ['first', 'second', 'third']) expect(await importAs(name)).toMatchObject({ exitCode: 0 });
    expect((await importAs('fourth')).exitCode).toBe(5);
    for (const name of ['second', 'first']) expect((await darkroom(`image delete ${name}`, env)).exitCode).toBe(0);
    const fourth = await importAs('fourth');
    expect(fourth.exitCode).toBe(0);
    expect((await listDeleted()).map(({ image }) => image.name)).toEqual(['first']);
  });
});
