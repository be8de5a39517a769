import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { RECOVERY } from '../../../src/operations/recovery-table.ts';
import { shelveInstance } from '../../../src/operations/shelve-instance.ts';
import type { HostSettings } from '../../../src/operations/support/context.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { unshelveInstance } from '../../../src/operations/unshelve-instance.ts';
import { type BucketHost, type BucketSite, makeBucketSite } from '../../support/bucket-host.ts';
import { readFakeContent, readFakeDisk, writeFakeDisk } from '../../support/fake-disk-tool.ts';
import { runToEnd } from '../../support/image-core.ts';
import { GUEST_UUID, lookAt, putGuest, shelveRequest, unshelveRequest } from '../../support/shelf-host.ts';

/** So long that no file beside a disk is. */
const LONG = 'of vda '.repeat(20_000);
const broken = new DarkroomError('STORE_UNUSABLE', 'broken on purpose');

let site: BucketSite;
let a: BucketHost;
let b: BucketHost;
let content: Buffer;
let places: { vda: string; vdb: string };
beforeEach(async () => {
  site = makeBucketSite();
  [a, b] = [site.addHost('host-a'), site.addHost('host-b')];
  await putGuest(a.host);
  const vda = a.host.at('disks', 'vda.qcow2');
  writeFakeDisk(vda, { content: LONG, bitmaps: [{ name: 'monday' }] });
  content = readFileSync(vda);
  const { error } = await runToEnd(a.host.core, shelveInstance, shelveRequest());
  expect(error).toBeNull();
  site.bucket.calls.length = 0;
  places = { vda: b.host.at('away', 'vda.qcow2'), vdb: b.host.at('away', 'vdb.raw') };
  await b.host.fakes.files.makeDirectory(b.host.at('away'));
  await b.host.fakes.files.makeDirectory(a.host.at('nvram'));
});
afterEach(() => site.dispose());

/** On the other host, into a folder of it. */
function unshelve(settings: Partial<HostSettings> = {}) {
  const core = {
    ...b.host.core,
    settings: { ...b.host.core.settings, transferDirs: [b.host.at('away')], ...settings },
  };
  return runToEnd(core, unshelveInstance, unshelveRequest({ diskDir: b.host.at('away') }));
}

const isOfVda = (key: string): boolean => key.endsWith('/disk-vda.qcow2');
const downloadsOfVda = (): number =>
  site.bucket.calls.filter((call) => call.startsWith('download') && isOfVda(call)).length;

async function theImage() {
  const [image] = (await b.host.storage.store.listImages()).images;
  if (image === undefined) throw new Error('there is no image');
  return image;
}

/** Does this instead of the next download of the first disk. */
function insteadOfDownload(work: (target: string) => Promise<void>): void {
  const { download } = site.bucket;
  site.bucket.download = async (entry, target, options) => {
    if (!isOfVda(entry.key)) return await download(entry, target, options);
    site.bucket.download = download;
    await work(target);
    return { sha256: null };
  };
}

/** Nothing of it is on the host, and its image and record are whole. */
async function expectStillShelved(): Promise<void> {
  expect(readdirSync(b.host.at('away'))).toEqual([]);
  expect(await lookAt(b.host)).toMatchObject({
    guest: undefined,
    record: { state: 'shelved_offloaded' },
    claims: 0,
    unsettled: 0,
  });
}

async function expectComesBack(): Promise<void> {
  expect((await unshelve()).error).toBeNull();
  expect(readFileSync(places.vda).equals(content)).toBe(true);
}

describe('a disk that comes back from a bucket as it was', () => {
  it('is written where it shall lie, once, and nowhere else on the host', async () => {
    const seen: (readonly string[])[] = [];
    b.host.hypervisor.before('defineDomain', () => seen.push(b.cachedDisks()));
    expect((await unshelve()).error).toBeNull();
    // the other is converted from there; the image and all copies of it go at the end
    expect(seen.map((names) => names.map((name) => path.basename(name)))).toEqual([['disk-vdb.qcow2']]);
    expect(readFileSync(places.vda).equals(content)).toBe(true);
    expect(readFakeDisk(places.vda).bitmaps).toEqual([{ name: 'monday' }]);
    expect(b.host.fakes.files.ownershipOf(places.vda)).toMatchObject({ uid: 64055, gid: 107, mode: 0o600 });
    expect(b.host.guest()?.powerState).toBe('running');
    expect(downloadsOfVda()).toBe(1);
    expect(site.imageKeys()).toEqual([]);
  });

  it('comes beside one that is converted from a copy', async () => {
    expect((await unshelve()).error).toBeNull();
    expect(readFakeDisk(places.vdb)).toMatchObject({ format: 'raw', content: 'of vdb' });
    expect(b.host.diskTool.calls.filter((call) => call === 'convert')).toHaveLength(1);
  });

  it('comes from the copy that the host has', async () => {
    await b.host.storage.store.resolveFile((await theImage()).id, 'disk-vda.qcow2');
    site.bucket.calls.length = 0;
    await expectComesBack();
    expect(downloadsOfVda()).toBe(0);
  });

  it('is not fetched where there is no room for it', async () => {
    b.host.fakes.files.freeBytesOnDisk = content.length - 1;
    b.host.fakes.diskTool.measuredBytes = 1;
    expect((await unshelve()).error?.code).toBe('NO_SPACE');
    expect(downloadsOfVda()).toBe(0);
    await expectStillShelved();
  });

  it('is not fetched where its name is taken', async () => {
    await putGuest(b.host);
    expect((await unshelve()).error?.code).toBe('NAME_TAKEN');
    expect(downloadsOfVda()).toBe(0);
  });
});

describe('is still shelved, and comes back at the next try,', () => {
  it('when the store goes away while it is fetched', async () => {
    insteadOfDownload(async (target) => {
      writeFileSync(target, content.subarray(0, 1000));
      throw broken;
    });
    expect((await unshelve()).error?.message).toContain(broken.message);
    await expectStillShelved();
    await expectComesBack();
  });

  it('when its process is killed while it is fetched', async () => {
    const reached = new Promise<void>((resolve) => {
      insteadOfDownload(async (target) => {
        writeFileSync(target, content.subarray(0, 1000));
        resolve();
        await new Promise(() => {});
      });
    });
    // one disk after the other: a process that is dead begins no other
    void unshelve({ maxConcurrentCopies: 1 });
    await reached;
    expect(readdirSync(b.host.at('away'))).toHaveLength(1);
    await recoverOperations(b.host.process(2000), RECOVERY);
    await expectStillShelved();
    b.host.core = b.host.process(2001);
    await expectComesBack();
  });

  it('when libvirt does not define it', async () => {
    b.host.hypervisor.failOn('defineDomain', new DarkroomError('LIBVIRT_FAILED', 'no'));
    expect((await unshelve()).error).not.toBeNull();
    await expectStillShelved();
    await expectComesBack();
  });

  it('when a copy of the one that the host has is not the same', async () => {
    await b.host.storage.store.resolveFile((await theImage()).id, 'disk-vda.qcow2');
    const { copy } = b.host.fakes.files;
    b.host.fakes.files.copy = async (from, to, options) => {
      await copy(from, to, options);
      if (from.includes('disk-vda')) writeFileSync(to, 'spoilt');
    };
    expect((await unshelve()).error?.code).toBe('COPY_FAILED');
    await expectStillShelved();
    b.host.fakes.files.copy = copy;
    await expectComesBack();
  });
});

describe('stays shelved when what the bucket holds', () => {
  /** With sums of its own: whoever writes there can do that. */
  async function replace(disk: Parameters<typeof writeFakeDisk>[1]): Promise<void> {
    const file = b.host.at('spoilt');
    writeFakeDisk(file, disk);
    const key = site.imageKeys().find(isOfVda);
    await site.bucket.upload(key ?? '', file);
  }

  it('is another disk of the same length', async () => {
    await replace({ content: LONG.replaceAll('vda', 'vdx'), bitmaps: [{ name: 'monday' }] });
    expect((await unshelve()).error?.code).toBe('IMAGE_DAMAGED');
    await expectStillShelved();
  });

  it('is of another length, before anything is fetched', async () => {
    await replace({ content: 'short' });
    expect((await unshelve()).error?.code).toBe('IMAGE_DAMAGED');
    expect(downloadsOfVda()).toBe(0);
    await expectStillShelved();
  });

  it('is missing', async () => {
    site.bucket.objects.delete(site.imageKeys().find(isOfVda) ?? '');
    expect((await unshelve()).error?.code).toBe('IMAGE_DAMAGED');
    await expectStillShelved();
  });

  it('leads to another file of the host, and no sum says that it is another', async () => {
    await replace({ content: null, backing: { path: '/etc/shadow', format: 'raw' } });
    const image = await theImage();
    const sizeBytes = site.bucket.objects.get(site.imageKeys().find(isOfVda) ?? '')?.content.length ?? 0;
    const disks = image.disks.map((disk) => (disk.target === 'vda' ? { ...disk, sizeBytes, sha256: null } : disk));
    await b.host.storage.store.updateImage({ ...image, disks });
    const { error } = await unshelve();
    expect([error?.code, error?.message]).toEqual(['IMAGE_DAMAGED', expect.stringContaining('/etc/shadow')]);
    await expectStillShelved();
  });
});

it('comes back home from the bucket too, where it lay', async () => {
  expect((await runToEnd(a.host.core, unshelveInstance, unshelveRequest())).error).toBeNull();
  expect(readFileSync(a.host.at('disks', 'vda.qcow2')).equals(content)).toBe(true);
  expect(readFakeContent(a.host.at('disks', 'vdb.raw'))).toBe('of vdb');
  expect(a.host.fakes.hypervisor.domains.has(GUEST_UUID)).toBe(true);
});
