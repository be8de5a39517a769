import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMirror } from '../../../../../../src/drivers/stores/s3/mirror/create-mirror.ts';
import type { Mirror } from '../../../../../../src/drivers/stores/s3/mirror.ts';
import { expectFailure } from '../../../../../support/expect-failure.ts';
import { createFakeBucket, type FakeBucket } from '../../../../../support/fake-bucket.ts';

const LIMIT_BYTES = 100;
const HOURS_AGO = new Date(Date.now() - 5 * 60 * 60 * 1000);

let root: string;
let bucket: FakeBucket;
let mirror: Mirror;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'dr-img-mirror-'));
  bucket = createFakeBucket();
  mirror = open();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** As another process of this host does. */
function open(): Mirror {
  return createMirror(bucket, { rootPath: root, limitBytes: LIMIT_BYTES, imageGroup: '0' });
}

const noteOf = (key: string) => path.join(root, path.dirname(key), `.${path.basename(key)}.copy`);
const downloads = () => bucket.calls.filter((call) => call.startsWith('download')).length;

/** A copy that nobody used for hours, `age` more than others. */
async function fetchOld(key: string, content: string, age = 0): Promise<void> {
  await bucket.put(key, content);
  await mirror.fetch(key);
  const at = new Date(HOURS_AGO.getTime() - age * 60_000);
  utimesSync(noteOf(key), at, at);
}

describe('a copy of an object', () => {
  it('is fetched once, and again when the object is another', async () => {
    await bucket.put('images/a/disk', 'one');
    for (let turn = 0; turn < 2; turn += 1) {
      const file = await mirror.fetch('images/a/disk');
      expect(readFileSync(file ?? '', 'utf8')).toBe('one');
    }
    expect(downloads()).toBe(1);
    await bucket.put('images/a/disk', 'two');
    expect(readFileSync((await open().fetch('images/a/disk')) ?? '', 'utf8')).toBe('two');
    expect(downloads()).toBe(2);
  });

  it('is null where there is no object', async () => {
    expect(await mirror.fetch('images/a/disk')).toBeNull();
    expect(readdirSync(root)).toEqual([]);
  });

  it('can be read by the images group, and one that is secret by nobody', async () => {
    for (const key of ['images/a/disk', 'images/a/domain.xml']) await bucket.put(key, 'x');
    await mirror.fetch('images/a/disk');
    await mirror.fetch('images/a/domain.xml', { isSecret: true });
    const modeOf = (key: string) => (statSync(path.join(root, key)).mode & 0o777).toString(8);
    expect([modeOf('images'), modeOf('images/a'), modeOf('images/a/disk'), modeOf('images/a/domain.xml')]).toEqual([
      '711',
      '711',
      '440',
      '600',
    ]);
  });

  it('is no copy any more when another file is in its place', async () => {
    await bucket.put('images/a/disk', 'one');
    const file = (await mirror.fetch('images/a/disk')) ?? '';
    writeFileSync(`${file}.new`, 'bad');
    renameSync(`${file}.new`, file);
    expect(readFileSync((await mirror.fetch('images/a/disk')) ?? '', 'utf8')).toBe('one');
  });

  it.each(['', '{"version":1', '{"version":2}'])('is fetched again where its note says %j', async (note) => {
    await bucket.put('images/a/disk', 'one');
    await mirror.fetch('images/a/disk');
    writeFileSync(noteOf('images/a/disk'), note);
    await mirror.fetch('images/a/disk');
    expect(downloads()).toBe(2);
  });

  it('is fetched once by many of one process, and well by many processes', async () => {
    await bucket.put('images/a/disk', 'one');
    await Promise.all(Array.from({ length: 10 }, () => mirror.fetch('images/a/disk')));
    expect(downloads()).toBe(1);
    await mirror.forget('images/a/disk');
    const files = await Promise.all(Array.from({ length: 10 }, () => open().fetch('images/a/disk')));
    for (const file of files) expect(readFileSync(file ?? '', 'utf8')).toBe('one');
    expect(readdirSync(path.join(root, 'images/a')).sort()).toEqual(['.disk.copy', 'disk']);
    const before = downloads();
    await mirror.fetch('images/a/disk');
    expect(downloads()).toBe(before);
  });

  it('leaves nothing where it was cut short, or cancelled', async () => {
    await bucket.put('images/a/disk', 'one');
    const { download } = bucket;
    Object.assign(bucket, { download: () => Promise.reject(new Error('no network')) });
    await expectFailure(mirror.fetch('images/a/disk'), 'STORE_WRITE_FAILED');
    // as long as it should be, or nothing
    Object.assign(bucket, { download: async (_: unknown, file: string) => writeFileSync(file, 'o') });
    await expectFailure(mirror.fetch('images/a/disk'), 'STORE_UNUSABLE');
    Object.assign(bucket, { download });
    await expectFailure(mirror.fetch('images/a/disk', { signal: AbortSignal.abort() }), 'CANCELLED');
    expect(readdirSync(path.join(root, 'images/a'))).toEqual([]);
  });

  it('is replaced by what the bucket has where that is asked for, and stays where that is not what was stored', async () => {
    const upload = path.join(root, 'draft');
    writeFileSync(upload, 'one');
    await bucket.upload('images/a/disk', upload);
    const file = (await mirror.fetch('images/a/disk')) ?? '';
    await mirror.fetch('images/a/disk', { isFresh: true });
    expect(downloads()).toBe(2);
    await bucket.put('images/a/disk', 'bad');
    await expectFailure(mirror.fetch('images/a/disk', { isFresh: true }), 'STORE_UNUSABLE');
    expect(readFileSync(file, 'utf8')).toBe('one');
    expect(readdirSync(path.join(root, 'images/a')).sort()).toEqual(['.disk.copy', 'disk']);
  });

  describe('whose object becomes another one while it is fetched', () => {
    /** Changes what is there when a fetch has seen it. */
    function meanwhile(change: (turn: number) => void): void {
      const { download } = bucket;
      let turn = 0;
      const late: FakeBucket['download'] = async (...given) => {
        turn += 1;
        change(turn);
        return await download(...given);
      };
      Object.assign(bucket, { download: late });
    }

    it('is of the one that is there then', async () => {
      await bucket.put('images/a/disk', 'one');
      meanwhile((turn) => void (turn <= 3 && bucket.put('images/a/disk', `again ${turn}`)));
      expect(readFileSync((await mirror.fetch('images/a/disk')) ?? '', 'utf8')).toBe('again 3');
      expect(readdirSync(path.join(root, 'images/a')).sort()).toEqual(['.disk.copy', 'disk']);
    });

    it('is none where there is no object any more', async () => {
      await bucket.put('images/a/disk', 'one');
      meanwhile(() => void bucket.objects.delete('images/a/disk'));
      expect(await mirror.fetch('images/a/disk')).toBeNull();
      expect(readdirSync(path.join(root, 'images/a'))).toEqual([]);
    });

    it('is given up where that has no end', async () => {
      await bucket.put('images/a/disk', 'one');
      meanwhile((turn) => void bucket.put('images/a/disk', `again ${turn}`));
      await expectFailure(mirror.fetch('images/a/disk'), 'STORE_UNUSABLE');
      expect(readdirSync(path.join(root, 'images/a'))).toEqual([]);
    });
  });

  it('does not wait for another fetch once it is cancelled', async () => {
    await bucket.put('images/a/disk', 'one');
    let release = (): void => undefined;
    const { download } = bucket;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow: FakeBucket['download'] = async (...given) => {
      await held;
      return await download(...given);
    };
    Object.assign(bucket, { download: slow });
    const first = mirror.fetch('images/a/disk');
    const controller = new AbortController();
    const second = mirror.fetch('images/a/disk', { signal: controller.signal });
    controller.abort();
    await expectFailure(second, 'CANCELLED');
    release();
    expect(await first).not.toBeNull();
  });

  it('never lies outside of the mirror', async () => {
    for (const key of ['../x', '', 'images/../../x']) expect(() => mirror.path(key)).toThrow('not a key');
  });
});

describe('room for copies', () => {
  it('is made by removing what was not used for the longest time', async () => {
    await fetchOld('images/a/disk', 'a'.repeat(40), 1);
    await fetchOld('images/b/disk', 'b'.repeat(40), 2);
    await bucket.put('images/c/disk', 'c'.repeat(40));
    await mirror.fetch('images/c/disk');
    expect(readdirSync(path.join(root, 'images')).sort()).toEqual(['a', 'c']);
    expect(await mirror.measure()).toEqual({ path: root, files: 2, usedBytes: 80, limitBytes: LIMIT_BYTES });
  });

  it('is never made of what was used in the last hour, is wanted, or is a draft', async () => {
    await fetchOld('images/a/disk', 'a'.repeat(40));
    await mirror.pin('images/a/', randomUUID());
    await bucket.put('images/b/disk', 'b'.repeat(40));
    await mirror.fetch('images/b/disk');
    writeFileSync(path.join(root, 'images/a/draft'), 'd'.repeat(40));
    utimesSync(path.join(root, 'images/a/draft'), HOURS_AGO, HOURS_AGO);
    expect(await open().free(1000)).toBe(0);
    expect(readdirSync(path.join(root, 'images/a')).sort()).toEqual(['.disk.copy', 'disk', 'draft']);
  });

  it('can be had again of what nobody wants any more', async () => {
    const names = [randomUUID(), '../x'];
    await fetchOld('images/a/disk', 'a'.repeat(40));
    for (const name of names) for (let turn = 0; turn < 2; turn += 1) await mirror.pin('images/a/', name);
    await mirror.unpin('images/a/', names[0] ?? '');
    expect(await open().free(1)).toBe(0);
    for (let turn = 0; turn < 2; turn += 1) await mirror.unpin('images/a/', names[1] ?? '');
    expect(await open().free(1)).toBe(40);
    expect(existsSync(path.join(root, 'images'))).toBe(false);
  });

  it('is not what a file system lacks', async () => {
    const statfsFull = createMirror(bucket, { rootPath: root, limitBytes: 1e18, imageGroup: '0' });
    await bucket.put('images/a/disk', 'x');
    const { head } = bucket;
    const huge: FakeBucket['head'] = async (key) => {
      const entry = await head(key);
      return entry === null ? null : { ...entry, sizeBytes: 1e17 };
    };
    Object.assign(bucket, { head: huge });
    const failure = await expectFailure(statfsFull.fetch('images/a/disk'), 'NO_SPACE');
    expect(failure.message).toContain('cache_dir');
    expect(downloads()).toBe(0);
  });

  it('is not taken by what somebody died over', async () => {
    await fetchOld('images/a/disk', 'a');
    const left = path.join(root, `images/a/.disk.${randomUUID()}.fetch`);
    writeFileSync(left, 'half');
    await mirror.measure();
    expect(existsSync(left)).toBe(true);
    utimesSync(left, HOURS_AGO, HOURS_AGO);
    await mirror.measure();
    expect(existsSync(left)).toBe(false);
  });

  it('is freed of copies that are none before any other', async () => {
    await fetchOld('images/a/disk', 'a'.repeat(40), 9);
    await fetchOld('images/b/disk', 'b'.repeat(40), 0);
    writeFileSync(noteOf('images/b/disk'), '{}');
    utimesSync(noteOf('images/b/disk'), HOURS_AGO, HOURS_AGO);
    expect(await mirror.free(1)).toBe(40);
    expect(readdirSync(path.join(root, 'images'))).toEqual(['a']);
  });
});

it('knows what was uploaded from here as a copy, until it is forgotten', async () => {
  await mirror.pin('images/a/', 'draft');
  await bucket.put('images/a/disk', 'one');
  await mirror.fetch('images/a/disk');
  await mirror.forget('images/a/disk');
  expect(existsSync(mirror.path('images/a/disk'))).toBe(false);
  await mirror.forget('images/a/disk');
  await mirror.fetch('images/a/other').catch(() => undefined);
  await bucket.put('images/b/disk', 'two');
  const entry = await bucket.head('images/b/disk');
  await mirror.fetch('images/b/disk');
  rmSync(noteOf('images/b/disk'));
  if (entry !== null) await mirror.record('images/b/disk', entry);
  await mirror.fetch('images/b/disk');
  expect(downloads()).toBe(2);
});
