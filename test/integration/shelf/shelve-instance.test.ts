import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { deleteImage } from '../../../src/operations/delete-image.ts';
import { deleteInstance } from '../../../src/operations/delete-instance.ts';
import { listInstances, showInstance } from '../../../src/operations/list-instances.ts';
import { powerInstance } from '../../../src/operations/power-instance.ts';
import { shelveInstance } from '../../../src/operations/shelve-instance.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { RECOVERY } from '../../../src/operations/use-cases.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { writeFakeDisk } from '../../support/fake-disk-tool.ts';
import { runToEnd } from '../../support/image-core.ts';
import { makeClaim } from '../../support/sample-shelf.ts';
import {
  GUEST_UUID,
  lookAt,
  makeShelfHost,
  putGuest,
  type ShelfHost,
  separateStore,
  shelveRequest,
} from '../../support/shelf-host.ts';

let host: ShelfHost;
beforeEach(() => {
  host = makeShelfHost();
});
afterEach(() => host.dispose());

const broken = new DarkroomError('LIBVIRT_FAILED', 'broken on purpose');

function shelve(changes: Parameters<typeof shelveRequest>[0] = {}) {
  return runToEnd(host.core, shelveInstance, shelveRequest(changes));
}

async function record() {
  const found = await host.storage.shelf.read(GUEST_UUID);
  if (found === null) throw new Error('there is no record');
  return found;
}

const NEIGHBOUR = '77777777-1111-4222-8333-444444444444';

/** Another domain of the host, with one disk at that path. */
function putNeighbour(disk: string): void {
  host.fakes.hypervisor.put(`<domain type='qemu'><name>neighbour</name><uuid>${NEIGHBOUR}</uuid><memory>1024</memory>
    <devices><disk type='file' device='disk'><driver type='qcow2'/><source file='${disk}'/><target dev='vda'/></disk></devices></domain>`);
}

describe('a shelve beside other domains', () => {
  it('is refused when one of them has a disk that stands on one of its own', async () => {
    await putGuest(host);
    const overlay = host.at('disks', 'overlay.qcow2');
    writeFakeDisk(overlay, { backing: { path: host.at('disks', 'vda.qcow2'), format: 'qcow2' } });
    putNeighbour(overlay);
    expect((await shelve()).error).toMatchObject({
      code: 'DISK_UNSUPPORTED',
      message: expect.stringContaining('neighbour'),
    });
  });

  it('goes on although the disk of one of them is gone', async () => {
    await putGuest(host);
    putNeighbour(host.at('disks', 'gone.qcow2'));
    expect((await shelve()).error).toBeNull();
  });
});

describe('a shelve', () => {
  it('moves the very files of the disks into the store, and keeps all that makes the machine', async () => {
    await putGuest(host);
    const inodes = ['vda.qcow2', 'vdb.raw'].map((file) => statSync(host.at('disks', file)).ino);
    expect(await shelve()).toMatchObject({ status: 'succeeded', error: null, result: { instanceId: GUEST_UUID } });
    const shelved = await record();
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
    expect((await shelve()).status).toBe('succeeded');
    const image = await host.storage.store.readImage((await record()).imageId);
    expect(image.disks.map(({ target, format }) => [target, format])).toEqual([
      ['vda', 'qcow2'],
      ['vdb', 'qcow2'],
    ]);
    expect(host.guest()).toBeUndefined();
    expect(readdirSync(host.at('disks'))).toEqual('isChained' in options ? ['base.qcow2'] : []);
  });

  it('says that the base is kept', async () => {
    await putGuest(host, { isChained: true });
    expect((await shelve()).warnings[0]).toContain('base.qcow2');
    expect((await record()).disks[0]?.basePath).toBe(host.at('disks', 'base.qcow2'));
  });

  it('copies a disk that has a second name, which would be written to from there', async () => {
    await putGuest(host);
    await host.fakes.files.tryLink(host.at('disks', 'vda.qcow2'), host.at('disks', 'mine.qcow2'));
    expect((await shelve()).status).toBe('succeeded');
    expect(readdirSync(host.at('disks'))).toEqual(['mine.qcow2']);
    expect(host.diskTool.calls).toContain('convert');
  });

  it('copies where a link is refused after all, and removes what was copied', async () => {
    await putGuest(host);
    host.fakes.files.canLink = false;
    expect((await shelve()).status).toBe('succeeded');
    expect(await lookAt(host)).toMatchObject({ files: {}, images: ['guest-shelved active'] });
  });

  it.each(['shutdown', 'paused', 'suspended'] as const)('notes that the guest was %s', async (powerState) => {
    await putGuest(host);
    if (powerState === 'suspended') await host.fakes.hypervisor.managedSaveDomain(GUEST_UUID);
    if (powerState === 'paused') await host.fakes.hypervisor.suspendDomain(GUEST_UUID);
    if (powerState === 'shutdown') await host.fakes.hypervisor.destroyDomain(GUEST_UUID);
    expect((await shelve()).status).toBe('succeeded');
    expect(await record()).toMatchObject({ powerState });
    expect((await record()).memory === null).toBe(powerState !== 'suspended');
    expect(host.hypervisor.calls).not.toContain('shutdownDomain');
    expect(readdirSync(host.at('saves'))).toEqual([]);
  });

  it('takes the memory along on request', async () => {
    await putGuest(host);
    expect((await shelve({ keepsMemory: true })).status).toBe('succeeded');
    const { memory, imageId } = await record();
    expect(memory).toMatchObject({ file: 'memory.save', sizeBytes: 'memory of guest'.length });
    await host.storage.store.resolveFile(imageId, 'memory.xml');
  });

  it('refuses to take the memory along where nobody knows where it lies, before the guest is touched', async () => {
    await putGuest(host);
    host.fakes.hypervisor.saveFolder = null;
    const before = await lookAt(host);
    expect(await shelve({ keepsMemory: true })).toMatchObject({
      status: 'failed',
      error: { code: 'INSTANCE_UNSUPPORTED' },
    });
    expect(await lookAt(host)).toEqual(before);
  });

  it('pulls the plug of a guest that does not shut down, and says so', async () => {
    await putGuest(host, { isObedient: false });
    const { status, warnings } = await shelve({ shutdownTimeoutMs: 2000 });
    expect(status).toBe('succeeded');
    expect(warnings[0]).toContain('plug');
  });

  it('leaves the disks where they are on request, and libvirt does not start it with the host', async () => {
    await putGuest(host);
    expect((await shelve({ isOffloaded: false })).status).toBe('succeeded');
    expect(await record()).toMatchObject({ state: 'shelved', isImageDeferred: true, isAutostart: true });
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
    await shelve({ isOffloaded: null });
    expect((await record()).state).toBe(state);
  });
});

describe('a shelve is refused before the guest is touched', () => {
  it.each([
    ['INSTANCE_UNSUPPORTED', 'it has a device of its host', "<hostdev mode='subsystem' type='pci'/>"],
    [
      'INSTANCE_UNSUPPORTED',
      'it shares a disk',
      "<disk type='file' device='disk'><driver type='raw'/><source file='/s'/><target dev='vdz'/><shareable/></disk>",
    ],
    [
      'DISK_UNSUPPORTED',
      'a disk is on the network',
      "<disk type='network' device='disk'><driver type='raw'/><source protocol='rbd' name='a'/><target dev='vdz'/></disk>",
    ],
  ])('%s when %s', async (code, _, device) => {
    const guest = await putGuest(host);
    const add = (xml: string | null): string | null => xml?.replace('</devices>', `${device}</devices>`) ?? null;
    guest.inactiveXml = add(guest.inactiveXml);
    guest.activeXml = add(guest.activeXml);
    const before = await lookAt(host);
    expect(await shelve()).toMatchObject({ status: 'failed', error: { code } });
    expect(await lookAt(host)).toEqual(before);
    expect(guest.powerState).toBe('running');
  });

  it.each(['more', 'less'])(
    'INSTANCE_UNSUPPORTED when its saved memory goes on with %s disks than it is defined with',
    async (what) => {
      const guest = await putGuest(host);
      await host.fakes.hypervisor.managedSaveDomain(GUEST_UUID);
      const [first = ''] = /<disk[\s\S]*?<\/disk>/.exec(guest.managedSaveXml ?? '') ?? [];
      const changed = what === 'more' ? `${first}${first.replaceAll('vda', 'vdz')}` : '';
      guest.managedSaveXml = guest.managedSaveXml?.replace(first, changed) ?? null;
      expect((await shelve()).error?.code).toBe('INSTANCE_UNSUPPORTED');
      expect(guest).toMatchObject({ powerState: 'suspended', hasManagedSave: true });
    },
  );

  it('INSTANCE_UNSUPPORTED when it is transient', async () => {
    (await putGuest(host)).inactiveXml = null;
    expect((await shelve()).error?.code).toBe('INSTANCE_UNSUPPORTED');
    expect(host.guest()?.powerState).toBe('running');
  });

  it('NO_SPACE when the copies do not fit', async () => {
    await putGuest(host);
    separateStore(host);
    host.fakes.files.freeBytesOnDisk = 1000;
    expect((await shelve()).error?.code).toBe('NO_SPACE');
    expect(host.guest()?.powerState).toBe('running');
  });

  it('STORE_UNUSABLE where nothing could be claimed, and so nothing brought back', async () => {
    await putGuest(host);
    host.shelf.failOn('assertWritable', new DarkroomError('STORE_UNUSABLE', 'no links'));
    expect((await shelve()).error?.code).toBe('STORE_UNUSABLE');
    expect(host.guest()?.powerState).toBe('running');
  });

  it('INSTANCE_STATE when it is shelved already', async () => {
    await putGuest(host);
    await shelve({ isOffloaded: false });
    await expectFailure(shelve(), 'INSTANCE_STATE');
  });
});

describe('a shelve that cannot go on', () => {
  it('starts the guest again although the store is gone, and is put right when that is back', async () => {
    await putGuest(host);
    const before = await lookAt(host);
    const away = new DarkroomError('STORE_UNUSABLE', 'the store is away');
    host.store.before('createDraft', () => {
      for (const method of ['read', 'write', 'remove', 'list'] as const)
        host.shelf.failOn(method, away, { times: 1000 });
      throw away;
    });
    expect((await shelve()).status).toBe('interrupted');
    expect(host.guest()?.powerState).toBe('running');
    host.shelf.reset();
    host.store.reset();
    await recoverOperations(host.process(2000), RECOVERY);
    expect(await lookAt(host)).toEqual(before);
  });

  it('gives way to somebody who starts the guest in the middle', async () => {
    await putGuest(host);
    host.shelf.before('list', () => undefined);
    host.diskTool.failOn('holdForReading', new DarkroomError('INSTANCE_BUSY', 'somebody writes to it'));
    expect(await shelve()).toMatchObject({ status: 'failed', error: { code: 'INSTANCE_BUSY' } });
    expect(host.guest()?.powerState).toBe('running');
    expect(await record().catch(() => null)).toBeNull();
  });

  it('keeps a damaged disk where it is', async () => {
    await putGuest(host);
    const before = await lookAt(host);
    host.diskTool.failOn('check', new DarkroomError('QEMU_IMG_FAILED', 'corrupt'));
    expect((await shelve()).status).toBe('failed');
    expect(await lookAt(host)).toEqual(before);
  });

  it('leaves a file alone that took the place of a disk after the undefine', async () => {
    await putGuest(host);
    separateStore(host);
    const file = host.at('disks', 'vda.qcow2');
    host.hypervisor.before('undefineDomain', async () => {
      await host.fakes.files.rename(file, `${file}.old`);
      writeFakeDisk(file, { content: 'of somebody else' });
    });
    expect((await shelve()).status).toBe('succeeded');
    expect(readdirSync(host.at('disks'))).toEqual(['vda.qcow2', 'vda.qcow2.old']);
  });
});

describe('what is shelved', () => {
  it.each([true, false])('is listed and shown; offloaded: %s', async (isOffloaded) => {
    await putGuest(host);
    await shelve({ isOffloaded });
    const state = isOffloaded ? 'shelved_offloaded' : 'shelved';
    const seen = { id: GUEST_UUID, name: 'guest', state, powerState: 'shutdown', host: isOffloaded ? null : 'host-a' };
    expect(await listInstances(host.core)).toEqual([expect.objectContaining(seen)]);
    expect(await showInstance(host.core, 'guest')).toMatchObject(seen);
    expect(await showInstance(host.core, GUEST_UUID.toUpperCase())).toMatchObject(seen);
  });

  it('is listed on another host of the store', async () => {
    await putGuest(host);
    await shelve();
    const other = makeShelfHost({ hostName: 'host-b', storage: host.storage });
    await host.storage.shelf.claim(makeClaim(GUEST_UUID));
    expect(await listInstances(other.core)).toEqual([
      expect.objectContaining({ state: 'shelved_offloaded', host: null, taskState: 'instance.unshelve' }),
    ]);
    other.dispose();
  });

  it('does not hide the domains of this host when the store is away', async () => {
    await putGuest(host);
    host.shelf.failOn('list', new DarkroomError('STORE_UNUSABLE', 'away'));
    expect((await listInstances(host.core)).map(({ state }) => state)).toEqual(['active']);
  });

  it.each([true, false])('is not started, stopped or captured; offloaded: %s', async (isOffloaded) => {
    await putGuest(host);
    await shelve({ isOffloaded });
    await expectFailure(
      runToEnd(host.core, powerInstance, { kind: 'instance.start', instance: 'guest' }),
      'INSTANCE_STATE',
    );
  });

  it('holds its image: that is not deleted under it', async () => {
    await putGuest(host);
    await shelve();
    const { imageId } = await record();
    await expectFailure(runToEnd(host.core, deleteImage, { kind: 'image.delete', image: imageId }), 'IMAGE_IN_USE');
    await host.storage.shelf.remove(GUEST_UUID);
    expect((await runToEnd(host.core, deleteImage, { kind: 'image.delete', image: imageId })).status).toBe('succeeded');
  });
});

describe('deleting what is shelved', () => {
  const request = { kind: 'instance.delete', instance: 'guest', isForced: true } as const;
  const nothing = { images: [], drafts: 0, record: null, claims: 0, unsettled: 0, guest: undefined };
  const remove = () => runToEnd(host.core, deleteInstance, request);

  it('removes image and record', async () => {
    await putGuest(host);
    await shelve();
    expect(await remove()).toMatchObject({ status: 'succeeded', warnings: [] });
    expect(await lookAt(host)).toMatchObject(nothing);
  });

  it('is not blocked by an image that is gone, and says so', async () => {
    await putGuest(host);
    await shelve();
    await host.storage.store.deleteImage((await record()).imageId);
    expect((await remove()).warnings[0]).toContain('was not in');
    expect(await lookAt(host)).toMatchObject(nothing);
  });

  it('removes the domain, the image and the record of one that never left, and keeps disks that are not ours', async () => {
    await putGuest(host);
    separateStore(host);
    await shelve({ isOffloaded: false });
    expect((await remove()).status).toBe('succeeded');
    expect(await lookAt(host)).toMatchObject(nothing);
    expect(readdirSync(host.at('disks'))).toEqual(['vda.qcow2', 'vdb.raw']);
  });

  it('is refused while its image is protected', async () => {
    await putGuest(host);
    await shelve();
    const image = await host.storage.store.readImage((await record()).imageId);
    await host.storage.store.updateImage({ ...image, protected: true });
    await expectFailure(remove(), 'IMAGE_PROTECTED');
    expect(await lookAt(host)).toMatchObject({ claims: 0, images: ['guest-shelved active'] });
  });

  it('gives way to another host that brings it back', async () => {
    await putGuest(host);
    await shelve();
    await host.storage.shelf.claim(makeClaim(GUEST_UUID, 'host-b'));
    expect(await remove()).toMatchObject({ status: 'failed', error: { code: 'INSTANCE_BUSY' } });
    expect(await lookAt(host)).toMatchObject({ claims: 1, images: ['guest-shelved active'] });
  });

  it.each(['deleteImage', 'remove'] as const)('is finished by recovery when %s fails', async (method) => {
    await putGuest(host);
    await shelve();
    if (method === 'remove') host.shelf.failOn(method, broken);
    else host.store.failOn(method, broken);
    expect((await remove()).status).toBe('interrupted');
    await recoverOperations(host.process(2000), RECOVERY);
    expect(await lookAt(host)).toMatchObject(nothing);
  });

  it('is left alone by the recovery of a delete whose claim another host took over', async () => {
    await putGuest(host);
    await shelve();
    host.store.failOn('deleteImage', broken);
    expect((await remove()).status).toBe('interrupted');
    const [claim] = host.storage.shelf.claims.values();
    if (claim === undefined) throw new Error('there is no claim');
    await host.storage.shelf.stealClaim(makeClaim(GUEST_UUID, 'host-b'), claim);
    await recoverOperations(host.process(2000), RECOVERY);
    expect(await lookAt(host)).toMatchObject({ record: { state: 'shelved_offloaded' }, claims: 1, unsettled: 0 });
    expect(await host.storage.store.listImages()).toMatchObject({ images: [{ name: 'guest-shelved' }] });
  });

  it('marks its image before that goes, so that no launch on another host comes to stand on it', async () => {
    await putGuest(host);
    await shelve();
    const { imageId } = await record();
    let seen = '';
    host.store.before('deleteImage', async () => {
      seen = (await host.storage.store.readImage(imageId)).status;
    });
    expect((await remove()).status).toBe('succeeded');
    expect(seen).toBe('deleting');
  });

  it('keeps an image that became the base of other disks in the last moment', async () => {
    await putGuest(host);
    await shelve();
    const { imageId } = await record();
    const user = { instanceId: imageId, instanceName: 'child', host: 'host-b', since: '2026-01-01T00:00:00.000Z' };
    host.store.before('updateImage', () => host.storage.store.addUser(imageId, user));
    expect((await remove()).warnings[0]).toContain('child');
    expect(await lookAt(host)).toMatchObject({ images: ['guest-shelved active'], record: null });
  });
});
