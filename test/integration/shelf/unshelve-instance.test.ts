import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { readFakeContent } from '../../support/fake-disk-tool.ts';
import { GUEST_UUID, lookAt, makeShelfHost, putGuest, type ShelfHost } from '../../support/shelf-host.ts';
import { anotherHost, readRecord, shelve, shelveGuest, unshelve } from './shelf-fixture.ts';

let host: ShelfHost;
beforeEach(() => {
  host = makeShelfHost();
});
afterEach(() => host.dispose());

describe('an unshelve', () => {
  it.each(['running', 'paused', 'shutdown'] as const)(
    'brings the same machine back, %s as it was',
    async (powerState) => {
      const before = await shelveGuest(host, { guest: { powerState } });
      expect(await unshelve(host)).toMatchObject({ status: 'succeeded', error: null, warnings: [] });
      expect(await lookAt(host)).toEqual(before);
    },
  );

  it('brings back the very files of the disks, with their owners', async () => {
    await putGuest(host);
    const inodes = ['vda.qcow2', 'vdb.raw'].map((file) => statSync(host.at('disks', file)).ino);
    await shelve(host);
    await unshelve(host);
    expect(['vda.qcow2', 'vdb.raw'].map((file) => statSync(host.at('disks', file)).ino)).toEqual(inodes);
    expect(host.fakes.files.ownershipOf(host.at('disks', 'vda.qcow2'))).toEqual({ uid: 64055, gid: 107, mode: 0o600 });
  });

  it('flattens a disk that stood on a base', async () => {
    await shelveGuest(host, { guest: { isChained: true } });
    expect((await unshelve(host)).status).toBe('succeeded');
    rmSync(host.at('disks', 'base.qcow2'));
    expect(readFakeContent(host.at('disks', 'vda.qcow2'))).toBe('of vda');
  });

  it('copies where links are not to be had, and back into the format that the disks had', async () => {
    const before = await shelveGuest(host);
    host.fakes.files.canLink = false;
    expect((await unshelve(host)).status).toBe('succeeded');
    expect(await lookAt(host)).toEqual(before);
  });

  it('lets the guest go on only when image and record are gone, because a moved disk is a file of the image', async () => {
    await shelveGuest(host);
    let seen: unknown;
    host.hypervisor.before('resumeDomain', async () => {
      seen = await lookAt(host);
    });
    await unshelve(host);
    expect(seen).toMatchObject({ images: [], record: null, guest: { powerState: 'paused' } });
  });

  it('takes the memory up again, and stays suspended where it was', async () => {
    await putGuest(host);
    await host.fakes.hypervisor.managedSaveDomain(GUEST_UUID);
    await shelve(host);
    expect((await unshelve(host)).status).toBe('succeeded');
    expect(host.fakes.hypervisor.restoredFrom).toHaveLength(1);
    expect(host.guest()).toMatchObject({ powerState: 'suspended', hasManagedSave: true });
  });

  it('goes on running from its memory', async () => {
    await shelveGuest(host, { request: { keepsMemory: true } });
    await unshelve(host);
    expect(host.fakes.hypervisor.restoredFrom).toHaveLength(1);
    expect(host.guest()?.powerState).toBe('running');
  });

  it('starts cold on request, and offers that where the memory cannot go on', async () => {
    await shelveGuest(host, { request: { keepsMemory: true } });
    const before = await lookAt(host);
    host.hypervisor.failOn('restoreDomain', new DarkroomError('LIBVIRT_FAILED', 'no such CPU'));
    const refused = await unshelve(host);
    expect(refused.error).toMatchObject({ code: 'LIBVIRT_FAILED' });
    expect(refused.error?.message).toContain('--cold');
    expect(await lookAt(host)).toEqual(before);
    expect((await unshelve(host, { isCold: true })).status).toBe('succeeded');
    expect(host.fakes.hypervisor.restoredFrom).toEqual([]);
    expect(host.guest()?.powerState).toBe('running');
  });

  it('leaves the guest off on request', async () => {
    await shelveGuest(host);
    await unshelve(host, { isStarted: false });
    expect(host.guest()?.powerState).toBe('shutdown');
  });

  it('starts in place what never left', async () => {
    const before = await shelveGuest(host, { request: { isOffloaded: false } });
    expect((await unshelve(host)).status).toBe('succeeded');
    expect(await lookAt(host)).toEqual(before);
  });

  it('goes on although an address cannot be reserved, and says so', async () => {
    await shelveGuest(host);
    host.fakes.hypervisor.reservations = [];
    host.hypervisor.failOn('addReservation', new DarkroomError('LIBVIRT_FAILED', 'taken'));
    expect((await unshelve(host)).warnings[0]).toContain('192.168.122.10');
  });

  it('marks an image that goes, so that no launch on another host comes to stand on it', async () => {
    host.fakes.files.declare(host.storage.store.rootPath, { device: 2 });
    await shelveGuest(host, { request: { isOffloaded: false } });
    const { imageId } = await readRecord(host);
    let seen = '';
    host.store.before('deleteImage', async () => {
      seen = (await host.storage.store.readImage(imageId)).status;
    });
    expect((await unshelve(host)).status).toBe('succeeded');
    expect(seen).toBe('deleting');
  });

  it('keeps an image that is protected, and copies it', async () => {
    await shelveGuest(host);
    const { imageId } = await readRecord(host);
    await host.storage.store.updateImage({ ...(await host.storage.store.readImage(imageId)), protected: true });
    const { status, warnings } = await unshelve(host);
    expect(status).toBe('succeeded');
    expect(warnings[0]).toContain('protected');
    expect((await host.storage.store.readImage(imageId)).status).toBe('active');
    const source = await host.storage.store.resolveFile(imageId, 'disk-vda.qcow2');
    expect(statSync(source).ino).not.toBe(statSync(host.at('disks', 'vda.qcow2')).ino);
  });

  it('lets the guest go on although libvirt will not start it with the host', async () => {
    await shelveGuest(host);
    host.hypervisor.failOn('setAutostart', new DarkroomError('LIBVIRT_FAILED', 'no such link'));
    await unshelve(host);
    expect(host.guest()?.powerState).toBe('running');
  });

  it('keeps an image that became the base of other disks', async () => {
    await shelveGuest(host);
    const { imageId } = await readRecord(host);
    const user = { instanceId: imageId, instanceName: 'child', host: 'host-b', since: '2026-01-01T00:00:00.000Z' };
    await host.storage.store.addUser(imageId, user);
    const { status, warnings } = await unshelve(host);
    expect(status).toBe('succeeded');
    expect(warnings[0]).toContain('child');
    expect((await host.storage.store.readImage(imageId)).status).toBe('active');
    const source = await host.storage.store.resolveFile(imageId, 'disk-vda.qcow2');
    expect(statSync(source).ino).not.toBe(statSync(host.at('disks', 'vda.qcow2')).ino);
  });
});

describe('an unshelve on another host', () => {
  it('puts disks into the folder and interfaces onto the network that are named', async () => {
    await shelveGuest(host);
    const other = anotherHost(host);
    other.fakes.hypervisor.networks = [{ name: 'lan', isActive: true }];
    rmSync(host.at('nvram', 'guest_VARS.fd'), { force: true });
    const { status, error } = await unshelve(other, { diskDir: other.at('disks'), networks: { default: 'lan' } });
    expect(error).toBeNull();
    expect(status).toBe('succeeded');
    expect(readdirSync(other.at('disks')).sort()).toEqual(['vda.qcow2', 'vdb.raw']);
    expect(other.guest()?.inactiveXml).toContain(other.at('disks', 'vda.qcow2'));
    expect(other.guest()?.inactiveXml).toContain('network="lan"');
    expect(other.guest()?.inactiveXml).toContain('keep="this"');
    expect(other.fakes.hypervisor.reservations).toMatchObject([{ network: 'lan' }]);
  });

  it('brings a launched instance back into its own folder there, with its seed and a record', async () => {
    await shelveGuest(host, { guest: { isLaunched: true } });
    const other = anotherHost(host);
    expect(await unshelve(other)).toMatchObject({ status: 'succeeded' });
    const folder = other.at('instances', GUEST_UUID);
    expect(readdirSync(folder).sort()).toEqual(['instance.json', 'nvram.fd', 'seed.iso', 'vda.qcow2', 'vdb.raw']);
    expect(JSON.parse(readFileSync(path.join(folder, 'instance.json'), 'utf8'))).toMatchObject({
      instanceId: GUEST_UUID,
    });
    expect(other.guest()?.powerState).toBe('running');
  });

  it('is refused while the disks are on the host that shelved it', async () => {
    await shelveGuest(host, { request: { isOffloaded: false } });
    await expectFailure(unshelve(anotherHost(host)), 'INSTANCE_STATE');
  });
});
