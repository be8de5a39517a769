import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { offloadInstance } from '../../../src/operations/offload-instance.ts';
import { RECOVERY } from '../../../src/operations/recovery-table.ts';
import { shelveInstance } from '../../../src/operations/shelve-instance.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { type BucketHost, type BucketSite, hashFile, makeBucketSite } from '../../support/bucket-host.ts';
import { readFakeContent, writeFakeDisk } from '../../support/fake-disk-tool.ts';
import { runToEnd } from '../../support/image-core.ts';
import {
  GUEST_UUID,
  lookAt,
  OFFLOAD_REQUEST,
  putGuest,
  type ShelfHost,
  shelveRequest,
} from '../../support/shelf-host.ts';

/** So long that no file beside a disk is. */
const LONG = 'of vda '.repeat(20_000);
const broken = new DarkroomError('STORE_UNUSABLE', 'broken on purpose');

let site: BucketSite;
let at: BucketHost;
let host: ShelfHost;
let vda: string;
beforeEach(async () => {
  site = makeBucketSite();
  at = site.addHost('host-a');
  host = at.host;
  await putGuest(host);
  vda = host.at('disks', 'vda.qcow2');
  writeFakeDisk(vda, { content: LONG, bitmaps: [{ name: 'monday' }] });
});
afterEach(() => site.dispose());

function shelve(changes: Parameters<typeof shelveRequest>[0] = {}) {
  return runToEnd(host.core, shelveInstance, shelveRequest(changes));
}

const isOfVda = (key: string): boolean => key.endsWith('/disk-vda.qcow2');
const objectOfVda = () => [...site.bucket.objects.entries()].find(([key]) => isOfVda(key))?.[1].content;

/** Does this in the middle of the upload of the first disk, whose bytes are all there after it. */
function duringUpload(work: () => Promise<unknown> | unknown): void {
  const { upload } = site.bucket;
  site.bucket.upload = async (key, file, options) => {
    if (isOfVda(key)) await work();
    return await upload(key, file, options);
  };
}

function afterUpload(work: () => unknown): void {
  const { upload } = site.bucket;
  site.bucket.upload = async (key, file, options) => {
    const entry = await upload(key, file, options);
    if (isOfVda(key)) work();
    return entry;
  };
}

async function theImage() {
  const [image] = (await host.storage.store.listImages()).images;
  if (image === undefined) throw new Error('there is no image');
  return image;
}

/** The machine is what it was, and the bucket holds nothing of it. */
async function expectUntouched(before: Awaited<ReturnType<typeof lookAt>>): Promise<void> {
  expect({ ...(await lookAt(host)), held: 0 }).toEqual(before);
  expect(site.imageKeys()).toEqual([]);
  expect([...site.bucket.uploads]).toEqual([]);
}

describe('a disk that stands alone, shelved to a bucket', () => {
  it('goes there from where it lies: its bytes are never written below the cache', async () => {
    const [file, sha256] = [readFileSync(vda), hashFile(vda)];
    const seen: { disks: readonly string[]; bytes: number }[] = [];
    duringUpload(() => seen.push({ disks: at.cachedDisks(), bytes: at.cachedBytes() }));
    expect(await shelve()).toMatchObject({ status: 'succeeded', error: null });
    expect(objectOfVda()?.equals(file)).toBe(true);
    const [disk] = (await theImage()).disks;
    expect(disk).toEqual({
      target: 'vda',
      file: 'disk-vda.qcow2',
      format: 'qcow2',
      virtualSizeBytes: 1024 ** 3,
      sizeBytes: file.length,
      sha256,
    });
    for (const moment of [...seen, { disks: at.cachedDisks(), bytes: at.cachedBytes() }]) {
      expect(moment.disks.filter((name) => name.includes('vda'))).toEqual([]);
      expect(moment.bytes).toBeLessThan(file.length / 4);
    }
    expect(seen).toHaveLength(1);
    expect(site.bucket.calls.filter((call) => call.startsWith('download'))).toEqual([]);
    expect(await lookAt(host)).toMatchObject({ guest: undefined, files: {}, drafts: 0, held: 0 });
  });

  it('goes beside one that must be converted, and they keep their order', async () => {
    expect((await shelve()).error).toBeNull();
    expect((await theImage()).disks.map(({ target, format }) => [target, format])).toEqual([
      ['vda', 'qcow2'],
      ['vdb', 'qcow2'],
    ]);
    expect(host.diskTool.calls.filter((call) => call === 'convert')).toHaveLength(1);
  });

  it('needs no room, where its copy would find none', async () => {
    host.fakes.diskTool.measuredBytes = 1_000_000;
    host.fakes.files.freeBytesOnDisk = 1_500_000;
    expect((await shelve()).error).toBeNull();
  });

  it('is held until the domain is undefined', async () => {
    const held: (readonly string[])[] = [];
    duringUpload(() => held.push([...host.fakes.diskTool.held]));
    host.hypervisor.before('undefineDomain', () => held.push([...host.fakes.diskTool.held]));
    await shelve();
    expect(held).toEqual([
      [vda, host.at('disks', 'vdb.raw')],
      [vda, host.at('disks', 'vdb.raw')],
    ]);
  });

  it('stays on its host where it is not offloaded, and leaves it later without coming back over the network', async () => {
    expect((await shelve({ isOffloaded: false })).error).toBeNull();
    expect(existsSync(vda)).toBe(true);
    site.bucket.calls.length = 0;
    expect((await runToEnd(host.core, offloadInstance, OFFLOAD_REQUEST)).error).toBeNull();
    expect(existsSync(vda)).toBe(false);
    expect(site.bucket.calls.filter((call) => call.startsWith('download'))).toEqual([]);
  });

  it('is not offloaded when it was written to since', async () => {
    await shelve({ isOffloaded: false });
    appendFileSync(vda, ' ');
    await expect(runToEnd(host.core, offloadInstance, OFFLOAD_REQUEST)).resolves.toMatchObject({
      error: { code: 'INSTANCE_STATE' },
    });
    expect(existsSync(vda)).toBe(true);
  });
});

describe('is copied flat first, as long as there is room,', () => {
  const unsound = (): void => {
    const { check } = host.fakes.diskTool;
    host.fakes.diskTool.check = async (disk, signal) => {
      const found = await check(disk, signal);
      return disk.path === vda ? { ...found, isSound: false, corruptions: 1 } : found;
    };
  };
  const unclean = (): void => {
    const { info } = host.fakes.diskTool;
    host.fakes.diskTool.info = async (disk, signal) => ({
      ...(await info(disk, signal)),
      isDirty: disk.path === vda,
    });
  };

  it.each([
    ['stands on a base', () => putGuest(host, { isChained: true })],
    ['has its data in another file', () => writeFakeDisk(vda, { content: LONG, dataFile: '/data' })],
    ['is not sound', unsound],
    ['was not closed cleanly', unclean],
    ['is mostly holes', () => host.fakes.files.declare(vda, { sizeBytes: 2 * 1024 ** 3 })],
  ])('a disk that %s', async (_, arrange) => {
    await arrange();
    const content = readFakeContent(vda);
    expect((await shelve()).error).toBeNull();
    expect(host.diskTool.calls.filter((call) => call === 'convert')).toHaveLength(2);
    expect(at.cachedDisks().filter((file) => file.includes('vda'))).toHaveLength(1);
    const { id } = await theImage();
    expect(readFakeContent(await host.storage.store.resolveFile(id, 'disk-vda.qcow2'))).toBe(content);
  });

  it('and the guest goes on when there is none', async () => {
    unsound();
    host.fakes.diskTool.measuredBytes = 1_000_000;
    host.fakes.files.freeBytesOnDisk = 1_500_000;
    const before = await lookAt(host);
    expect((await shelve()).error?.code).toBe('NO_SPACE');
    await expectUntouched(before);
  });
});

describe('the machine is what it was before, and nothing of it is in the bucket,', () => {
  it('when the upload fails', async () => {
    const before = await lookAt(host);
    duringUpload(() => Promise.reject(broken));
    expect((await shelve()).error?.message).toContain(broken.message);
    await expectUntouched(before);
  });

  it('when the upload of another disk fails, which ends this one', async () => {
    const before = await lookAt(host);
    const { upload } = site.bucket;
    const signals: (AbortSignal | undefined)[] = [];
    site.bucket.upload = async (key, file, options) => {
      if (key.endsWith('/disk-vdb.qcow2')) throw broken;
      if (!isOfVda(key)) return await upload(key, file, options);
      signals.push(options?.signal);
      await new Promise((resolve) => options?.signal?.addEventListener('abort', resolve));
      throw new DarkroomError('CANCELLED', 'given up');
    };
    expect((await shelve()).error?.message).toContain(broken.message);
    expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
    await expectUntouched(before);
  });

  it('when the store holds fewer bytes than were sent', async () => {
    const before = await lookAt(host);
    const { createDraft } = host.storage.store;
    host.storage.store.createDraft = async (id) => {
      const draft = await createDraft(id);
      return { ...draft, sealFrom: async () => ({ sizeBytes: 1, sha256: 'ab'.repeat(32) }) };
    };
    host.core = host.process(1000);
    expect((await shelve()).error?.code).toBe('COPY_FAILED');
    await expectUntouched(before);
  });

  it('when its process is killed in the middle of the upload', async () => {
    const before = await lookAt(host);
    const reached = new Promise<void>((resolve) => {
      duringUpload(async () => {
        const [key = ''] = site.imageKeys();
        site.bucket.uploads.add({ key, uploadId: 'half', startedAt: '2026-01-01T00:00:00.000Z' });
        resolve();
        await new Promise(() => {});
      });
    });
    void shelve();
    await reached;
    expect(host.guest()?.powerState).toBe('shutdown');
    await recoverOperations(host.process(2000), RECOVERY);
    await expectUntouched(before);
  });
});

describe('a disk that somebody writes to', () => {
  it.each([
    ['while it is sent', () => duringUpload(() => appendFileSync(vda, ' '))],
    ['just after it was sent', () => afterUpload(() => appendFileSync(vda, ' '))],
  ])('%s keeps its machine on the host', async (_, arrange) => {
    arrange();
    expect((await shelve()).error?.code).toBe('INSTANCE_BUSY');
    expect(readFileSync(vda, 'utf8').endsWith(' ')).toBe(true);
    expect(await lookAt(host)).toMatchObject({ guest: { powerState: 'running' }, images: [], drafts: 0, record: null });
  });

  it('after it was verified keeps its machine on the host too', async () => {
    let writes = 0;
    host.shelf.before('write', () => {
      writes += 1;
      if (writes === 1) appendFileSync(vda, ' ');
    });
    expect((await shelve()).error?.code).toBe('INSTANCE_BUSY');
    expect(host.hypervisor.calls).not.toContain('undefineDomain');
    expect(readFileSync(vda, 'utf8').endsWith(' ')).toBe(true);
    expect(await lookAt(host)).toMatchObject({ guest: { powerState: 'running' }, images: [], drafts: 0, record: null });
  });
});

it.each([
  ['is gone from the bucket', (key: string) => site.bucket.objects.delete(key)],
  [
    'is shorter there',
    (key: string) =>
      site.bucket.objects.set(key, { content: Buffer.from('x'), etag: '"x"', modifiedAt: '2026-01-01T00:00:00.000Z' }),
  ],
])('a disk that %s when its machine is undefined stays on its host, and so does the machine', async (_, lose) => {
  const sha256 = hashFile(vda);
  host.hypervisor.before('undefineDomain', () => {
    for (const key of [...site.bucket.objects.keys()].filter(isOfVda)) lose(key);
  });
  expect((await shelve()).status).toBe('failed');
  expect(hashFile(vda)).toBe(sha256);
  expect(host.fakes.hypervisor.domains.has(GUEST_UUID)).toBe(true);
});
