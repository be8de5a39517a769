import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  GUEST_UUID,
  lookAt,
  makeShelfHost,
  putGuest,
  type ShelfHost,
  separateStore,
} from '../../support/shelf-host.ts';
import { readRecord, shelve } from './shelf-fixture.ts';

let host: ShelfHost;
beforeEach(() => {
  host = makeShelfHost();
});
afterEach(() => host.dispose());

describe('a shelve', () => {
  it('moves the very files of the disks into the store, and keeps all that makes the machine', async () => {
    await putGuest(host);
    const inodes = ['vda.qcow2', 'vdb.raw'].map((file) => statSync(host.at('disks', file)).ino);
    expect(await shelve(host)).toMatchObject({ status: 'succeeded', error: null, result: { instanceId: GUEST_UUID } });
    const shelved = await readRecord(host);
    expect(shelved).toMatchObject({
      state: 'shelved_offloaded',
      powerState: 'running',
      isAutostart: true,
      isImageDeferred: false,
    });
    expect(shelved).toMatchObject({ vcpus: 2, memoryMiB: 512, macs: ['52:54:00:12:34:56'], memory: null, made: null });
    expect(shelved.reservations).toHaveLength(1);
    expect(shelved.checkpoints).toEqual([{ name: 'monday', file: 'checkpoints/0.xml' }]);
    expect(shelved.files.map(({ file }) => file)).toEqual(['nvram.fd']);
    const folder = path.join(host.storage.store.rootPath, 'images', shelved.imageId);
    expect(['disk-vda.qcow2', 'disk-vdb.raw'].map((file) => statSync(path.join(folder, file)).ino)).toEqual(inodes);
    expect(await lookAt(host)).toMatchObject({
      guest: undefined,
      files: {},
      drafts: 0,
      images: ['guest-shelved active'],
      held: 0,
    });
  });

  it.each([
    ['they lie on another file system', () => separateStore(host), {}],
    ['one stands on a base', () => undefined, { isChained: true }],
    [
      'the store is not of this host',
      () => Object.assign(host.storage.store, { isLocal: false, keepsFilesHere: false }),
      {},
    ],
  ])('copies the disks flat when %s', async (_, arrange, options) => {
    await putGuest(host, options);
    arrange();
    host.core = host.process(1000);
    expect((await shelve(host)).status).toBe('succeeded');
    const image = await host.storage.store.readImage((await readRecord(host)).imageId);
    expect(image.disks.map(({ target, format }) => [target, format])).toEqual([
      ['vda', 'qcow2'],
      ['vdb', 'qcow2'],
    ]);
    expect(host.guest()).toBeUndefined();
    expect(readdirSync(host.at('disks'))).toEqual('isChained' in options ? ['base.qcow2'] : []);
  });

  it('says that the base is kept', async () => {
    await putGuest(host, { isChained: true });
    expect((await shelve(host)).warnings[0]).toContain('base.qcow2');
    expect((await readRecord(host)).disks[0]?.basePath).toBe(host.at('disks', 'base.qcow2'));
  });

  it('copies a disk that has a second name, which would be written to from there', async () => {
    await putGuest(host);
    await host.fakes.files.tryLink(host.at('disks', 'vda.qcow2'), host.at('disks', 'mine.qcow2'));
    expect((await shelve(host)).status).toBe('succeeded');
    expect(readdirSync(host.at('disks'))).toEqual(['mine.qcow2']);
    expect(host.diskTool.calls).toContain('convert');
  });

  it('copies where a link is refused after all, and removes what was copied', async () => {
    await putGuest(host);
    host.fakes.files.canLink = false;
    expect((await shelve(host)).status).toBe('succeeded');
    expect(await lookAt(host)).toMatchObject({ files: {}, images: ['guest-shelved active'] });
  });

  it.each(['shutdown', 'paused', 'suspended'] as const)('notes that the guest was %s', async (powerState) => {
    await putGuest(host);
    if (powerState === 'suspended') await host.fakes.hypervisor.managedSaveDomain(GUEST_UUID);
    if (powerState === 'paused') await host.fakes.hypervisor.suspendDomain(GUEST_UUID);
    if (powerState === 'shutdown') await host.fakes.hypervisor.destroyDomain(GUEST_UUID);
    expect((await shelve(host)).status).toBe('succeeded');
    expect(await readRecord(host)).toMatchObject({ powerState });
    expect((await readRecord(host)).memory === null).toBe(powerState !== 'suspended');
    expect(host.hypervisor.calls).not.toContain('shutdownDomain');
    expect(readdirSync(host.at('saves'))).toEqual([]);
  });

  it('takes the memory along on request', async () => {
    await putGuest(host);
    expect((await shelve(host, { keepsMemory: true })).status).toBe('succeeded');
    const { memory, imageId } = await readRecord(host);
    expect(memory).toMatchObject({ file: 'memory.save', sizeBytes: 'memory of guest'.length });
    await host.storage.store.resolveFile(imageId, 'memory.xml');
  });

  it('refuses to take the memory along where nobody knows where it lies, before the guest is touched', async () => {
    await putGuest(host);
    host.fakes.hypervisor.saveFolder = null;
    const before = await lookAt(host);
    expect(await shelve(host, { keepsMemory: true })).toMatchObject({
      status: 'failed',
      error: { code: 'INSTANCE_UNSUPPORTED' },
    });
    expect(await lookAt(host)).toEqual(before);
  });

  it('pulls the plug of a guest that does not shut down, and says so', async () => {
    await putGuest(host, { isObedient: false });
    const { status, warnings } = await shelve(host, { shutdownTimeoutMs: 2000 });
    expect(status).toBe('succeeded');
    expect(warnings[0]).toContain('plug');
  });

  it('leaves the disks where they are on request, and libvirt does not start it with the host', async () => {
    await putGuest(host);
    expect((await shelve(host, { isOffloaded: false })).status).toBe('succeeded');
    expect(await readRecord(host)).toMatchObject({ state: 'shelved', isImageDeferred: true, isAutostart: true });
    expect(host.guest()).toMatchObject({ powerState: 'shutdown', isAutostart: false });
    expect(await lookAt(host)).toMatchObject({ images: [], drafts: 0 });
  });

  it.each([
    [null, 'shelved'],
    [3_600_000, 'shelved'],
    [0, 'shelved_offloaded'],
  ])('with an offload time of %s ms it is %s', async (shelvedOffloadTimeMs, state) => {
    host.dispose();
    host = makeShelfHost({ settings: { shelvedOffloadTimeMs } });
    await putGuest(host);
    await shelve(host, { isOffloaded: null });
    expect((await readRecord(host)).state).toBe(state);
  });
});
