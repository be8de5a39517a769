import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linkExclusively } from '../../src/drivers/stores/directory/claim-files.ts';
import { readHolder } from '../../src/drivers/stores/directory/claim-holder.ts';
import { createDirectoryShelf } from '../../src/drivers/stores/directory/directory-shelf.ts';
import type { Shelf } from '../../src/model/ports/shelf.ts';
import type { ShelfClaim } from '../../src/model/shelved-instance.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { makeClaim, makeShelved } from '../support/sample-shelf.ts';
import { describeShelf } from './shelf.ts';

function makeRoot(): string {
  return mkdtempSync(path.join(tmpdir(), 'dr-st-shelf-'));
}

function openShelf(location: string): Shelf {
  return createDirectoryShelf({ location, imageGroup: 'kvm' });
}

describeShelf('the directory shelf', async () => {
  const root = makeRoot();
  const location = path.join(root, 'not', 'there', 'yet');
  return {
    shelf: openShelf(location),
    other: openShelf(location),
    putRecord: async (id, content) => {
      mkdirSync(path.join(location, 'instances'), { recursive: true });
      writeFileSync(path.join(location, 'instances', `${id}.json`), content);
    },
    dispose: async () => rmSync(root, { recursive: true, force: true }),
  };
});

describe('the directory shelf on disk', () => {
  const id = '11111111-2222-4333-8444-555555555555';
  let root: string;
  let shelf: Shelf;
  const inFolder = (name: string) => path.join(root, 'instances', name);
  const names = () => readdirSync(path.join(root, 'instances')).sort();
  const access = (file: string) => {
    const { mode, uid, gid } = statSync(file);
    return `${(mode & 0o777).toString(8)} ${uid}:${gid}`;
  };

  beforeEach(() => {
    root = makeRoot();
    shelf = openShelf(root);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('has the documented layout, owners and modes whatever the umask, and leaves no other names', async () => {
    const before = process.umask(0o000);
    const deep = path.join(root, 'deep');
    const claim = makeClaim(id);
    try {
      await openShelf(deep).write(makeShelved(id));
      await openShelf(deep).write(makeShelved(id));
      await openShelf(deep).claim(makeClaim(id));
      await openShelf(deep).claim(makeClaim(id));
      await shelf.claim(claim);
    } finally {
      process.umask(before);
    }
    expect(access(deep)).toBe('711 0:0');
    expect(access(path.join(deep, 'instances'))).toBe('700 0:0');
    expect(readdirSync(path.join(deep, 'instances')).sort()).toEqual([`${id}.claim`, `${id}.json`]);
    expect(access(path.join(deep, 'instances', `${id}.json`))).toBe('600 0:0');
    expect(access(inFolder(`${id}.claim`))).toBe('600 0:0');
    expect(JSON.parse(readFileSync(inFolder(`${id}.claim`), 'utf8'))).toMatchObject({ version: 1, ...claim });
    await shelf.releaseClaim(id, claim.operationId);
    expect(names()).toEqual([]);
  });

  it('ignores files that are no records', async () => {
    await shelf.write(makeShelved(id));
    for (const name of ['x.json', `.${id}.json.0.partial`, `${id}.json~`, `${id.toUpperCase()}A.json`, `${id}.claim`]) {
      writeFileSync(inFolder(name), 'x');
    }
    expect(await shelf.list()).toMatchObject({ instances: [{ id }], broken: [] });
  });

  it('does not follow a link, wait for a pipe or read a folder or a huge file', async () => {
    await shelf.write(makeShelved(id));
    const ids = Array.from({ length: 4 }, () => randomUUID());
    const [linked = '', piped = '', nested = '', huge = ''] = ids;
    writeFileSync(path.join(root, 'elsewhere'), JSON.stringify(makeShelved(linked)));
    symlinkSync(path.join(root, 'elsewhere'), inFolder(`${linked}.json`));
    execFileSync('mkfifo', [inFolder(`${piped}.json`)]);
    mkdirSync(inFolder(`${nested}.json`));
    execFileSync('truncate', ['-s', '10G', inFolder(`${huge}.json`)]);
    const { instances, broken } = await shelf.list();
    expect(instances.map((instance) => instance.id)).toEqual([id]);
    expect(broken.map((record) => record.id)).toEqual([...ids].sort());
    for (const bad of ids) await expectFailure(shelf.read(bad), 'SHELF_DAMAGED');
    expect(broken.find((record) => record.id === linked)?.reason).toBe('its record is a symbolic link');
    await shelf.remove(linked);
    expect(readFileSync(path.join(root, 'elsewhere'), 'utf8')).toContain(linked);
  });

  it('is STORE_UNUSABLE where a file stands for the folder', async () => {
    writeFileSync(path.join(root, 'instances'), '');
    await expectFailure(shelf.list(), 'STORE_UNUSABLE');
    await expectFailure(shelf.read(id), 'STORE_UNUSABLE');
    await expectFailure(shelf.readClaim(id), 'STORE_UNUSABLE');
    await expectFailure(shelf.write(makeShelved(id)), 'STORE_WRITE_FAILED');
    await expectFailure(shelf.claim(makeClaim(id)), 'STORE_WRITE_FAILED');
    await expectFailure(shelf.assertWritable(), 'STORE_UNUSABLE');
  });

  it('makes its folder and leaves nothing in it when it is asked whether it can be written to', async () => {
    await shelf.assertWritable();
    expect(names()).toEqual([]);
    expect(access(path.join(root, 'instances'))).toBe('700 0:0');
  });

  describe('a claim that cannot be read', () => {
    const unknown = { instanceId: id, host: 'unknown', operationId: 'unknown', kind: 'unknown', since: 'unknown' };
    const spoil: [string, (file: string) => void][] = [
      ['is empty', (file) => writeFileSync(file, '')],
      ['is no claim', (file) => writeFileSync(file, '{}')],
      ['is another`s', (file) => writeFileSync(file, JSON.stringify(makeClaim(randomUUID())))],
      ['is huge', (file) => execFileSync('truncate', ['-s', '10G', file])],
      ['is a pipe', (file) => execFileSync('mkfifo', [file])],
      ['is a link', (file) => symlinkSync('/etc/passwd', file)],
    ];

    it.each(spoil)('is held by unknown and can be taken over from there: it %s', async (_, write) => {
      await shelf.write(makeShelved(id));
      write(inFolder(`${id}.claim`));
      expect(await shelf.readClaim(id)).toEqual(unknown);
      expect(await shelf.claim(makeClaim(id))).toEqual(unknown);
      const thief = makeClaim(id);
      expect(await shelf.stealClaim(thief, unknown)).toBe(true);
      expect(await shelf.readClaim(id)).toEqual(thief);
      expect(names()).toEqual([`${id}.claim`, `${id}.json`]);
    });
  });

  it('counts a link that was made although the file server said that it was there already', async () => {
    const claim = makeClaim(id);
    await shelf.claim(claim);
    const file = inFolder(`${id}.claim`);
    const key = (await readHolder(root, id))?.key ?? '';
    linkSync(file, inFolder('temporary'));
    expect(await linkExclusively(inFolder('temporary'), file, { key, instanceId: id })).toBe(true);
    expect(await linkExclusively(inFolder('temporary'), file, { key: 'another', instanceId: id })).toBe(false);
  });

  describe('after a crash', () => {
    /** What a thief leaves who dies once it has won, before it has replaced the claim. */
    async function dieTakingOver(thief: ShelfClaim): Promise<void> {
      const endPath = (await readHolder(root, id))?.endPath ?? '';
      writeFileSync(endPath, JSON.stringify(thief));
    }

    it('in taking over, the claim is the thief`s: it can go on, give it up, or lose it to the next', async () => {
      const [dead, thief, next] = [makeClaim(id, 'dead'), makeClaim(id, 'thief'), makeClaim(id, 'next')];
      for (const end of ['release', 'steal'] as const) {
        await shelf.claim(dead);
        await dieTakingOver(thief);
        expect(await shelf.readClaim(id)).toEqual(thief);
        expect(await shelf.claim(next)).toEqual(thief);
        expect(await shelf.stealClaim(next, dead)).toBe(false);
        await shelf.releaseClaim(id, dead.operationId);
        expect(await shelf.stealClaim(thief, dead)).toBe(true);
        expect(await shelf.readClaim(id)).toEqual(thief);
        if (end === 'steal') {
          expect(await shelf.stealClaim(next, thief)).toBe(true);
          expect(await shelf.readClaim(id)).toEqual(next);
          expect(names()).toEqual([`${id}.claim`]);
        }
        await shelf.releaseClaim(id, (end === 'steal' ? next : thief).operationId);
        expect(names()).toEqual([]);
      }
    });

    it('in giving up, the claim is still held: it can be given up again, or taken over by exactly one', async () => {
      const dead = makeClaim(id, 'dead');
      for (const end of ['release', 'steal'] as const) {
        await shelf.claim(dead);
        linkSync(inFolder(`${id}.claim`), (await readHolder(root, id))?.endPath ?? '');
        expect(await shelf.readClaim(id)).toEqual(dead);
        expect(await shelf.claim(makeClaim(id))).toEqual(dead);
        if (end === 'release') {
          await shelf.releaseClaim(id, dead.operationId);
        } else {
          const thieves = Array.from({ length: 5 }, (_, at) => makeClaim(id, `thief-${at}`));
          const answers = await Promise.all(thieves.map((thief) => shelf.stealClaim(thief, dead)));
          const winners = thieves.filter((_, at) => answers[at]);
          expect(winners).toHaveLength(1);
          expect(await shelf.readClaim(id)).toEqual(winners[0]);
          await shelf.releaseClaim(id, winners[0]?.operationId ?? '');
        }
        expect(names()).toEqual([]);
      }
    });
  });
});

/** A small file system in memory, mounted for real. */
describe('the directory shelf on a file system', () => {
  const id = randomUUID();
  const record = makeShelved(id);
  const claim = makeClaim(id);
  let root: string;
  let shelf: Shelf;
  const names = () => readdirSync(path.join(root, 'instances')).sort();

  beforeEach(async () => {
    root = makeRoot();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'dr-st-shelf', root]);
    shelf = openShelf(root);
    await shelf.write(record);
    await shelf.claim(claim);
  });
  afterEach(() => {
    execFileSync('umount', [root]);
    rmSync(root, { recursive: true });
  });

  it('that is mounted read-only can be read, and every change fails and loses nothing', async () => {
    execFileSync('mount', ['-o', 'remount,ro', root]);
    expect(await shelf.list()).toEqual({ instances: [record], broken: [] });
    expect(await shelf.readClaim(id)).toEqual(claim);
    const failure = await expectFailure(shelf.write({ ...record, name: 'new' }), 'STORE_WRITE_FAILED');
    expect(failure.message).toContain('mounted read-only: mount it writable');
    await expectFailure(shelf.remove(id), 'STORE_WRITE_FAILED');
    await expectFailure(shelf.claim(makeClaim(id)), 'STORE_WRITE_FAILED');
    await expectFailure(shelf.releaseClaim(id, claim.operationId), 'STORE_WRITE_FAILED');
    await expectFailure(shelf.stealClaim(makeClaim(id), claim), 'STORE_WRITE_FAILED');
    await expectFailure(shelf.assertWritable(), 'STORE_UNUSABLE');
    expect(await shelf.read(id)).toEqual(record);
    expect(await shelf.readClaim(id)).toEqual(claim);
  });

  it('that is full takes nothing new, leaves no parts, and lets things be given up', async () => {
    try {
      writeFileSync(path.join(root, 'ballast'), Buffer.alloc(2 * 1024 * 1024));
    } catch {
      // Full is what we want.
    }
    await expectFailure(shelf.write({ ...record, name: 'new' }), 'NO_SPACE');
    await expectFailure(shelf.claim(makeClaim(randomUUID())), 'NO_SPACE');
    await expectFailure(shelf.stealClaim(makeClaim(id), claim), 'NO_SPACE');
    await expectFailure(shelf.assertWritable(), 'NO_SPACE');
    expect(await shelf.read(id)).toEqual(record);
    expect(names()).toEqual([`${id}.claim`, `${id}.json`]);
    await shelf.releaseClaim(id, claim.operationId);
    await shelf.remove(id);
    expect(names()).toEqual([]);
  });
});
