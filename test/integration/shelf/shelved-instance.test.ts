import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { deleteImage } from '../../../src/operations/delete-image.ts';
import { deleteInstance } from '../../../src/operations/delete-instance.ts';
import { listInstances, showInstance } from '../../../src/operations/list-instances.ts';
import { powerInstance } from '../../../src/operations/power-instance.ts';
import { RECOVERY } from '../../../src/operations/recovery-table.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { runToEnd } from '../../support/image-core.ts';
import { makeClaim } from '../../support/sample-shelf.ts';
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

const broken = new DarkroomError('LIBVIRT_FAILED', 'broken on purpose');

describe('what is shelved', () => {
  it.each([true, false])('is listed and shown; offloaded: %s', async (isOffloaded) => {
    await putGuest(host);
    await shelve(host, { isOffloaded });
    const state = isOffloaded ? 'shelved_offloaded' : 'shelved';
    const seen = { id: GUEST_UUID, name: 'guest', state, powerState: 'shutdown', host: isOffloaded ? null : 'host-a' };
    expect(await listInstances(host.core)).toEqual([expect.objectContaining(seen)]);
    expect(await showInstance(host.core, 'guest')).toMatchObject(seen);
    expect(await showInstance(host.core, GUEST_UUID.toUpperCase())).toMatchObject(seen);
  });

  it('is listed on another host of the store', async () => {
    await putGuest(host);
    await shelve(host);
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
    await shelve(host, { isOffloaded });
    await expectFailure(
      runToEnd(host.core, powerInstance, { kind: 'instance.start', instance: 'guest' }),
      'INSTANCE_STATE',
    );
  });

  it('holds its image: that is not deleted under it', async () => {
    await putGuest(host);
    await shelve(host);
    const { imageId } = await readRecord(host);
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
    await shelve(host);
    expect(await remove()).toMatchObject({ status: 'succeeded', warnings: [] });
    expect(await lookAt(host)).toMatchObject(nothing);
  });

  it('is not blocked by an image that is gone, and says so', async () => {
    await putGuest(host);
    await shelve(host);
    await host.storage.store.deleteImage((await readRecord(host)).imageId);
    expect((await remove()).warnings[0]).toContain('was not in');
    expect(await lookAt(host)).toMatchObject(nothing);
  });

  it('removes the domain, the image and the record of one that never left, and keeps disks that are not ours', async () => {
    await putGuest(host);
    separateStore(host);
    await shelve(host, { isOffloaded: false });
    expect((await remove()).status).toBe('succeeded');
    expect(await lookAt(host)).toMatchObject(nothing);
    expect(readdirSync(host.at('disks'))).toEqual(['vda.qcow2', 'vdb.raw']);
  });

  it('is refused while its image is protected', async () => {
    await putGuest(host);
    await shelve(host);
    const image = await host.storage.store.readImage((await readRecord(host)).imageId);
    await host.storage.store.updateImage({ ...image, protected: true });
    await expectFailure(remove(), 'IMAGE_PROTECTED');
    expect(await lookAt(host)).toMatchObject({ claims: 0, images: ['guest-shelved active'] });
  });

  it('gives way to another host that brings it back', async () => {
    await putGuest(host);
    await shelve(host);
    await host.storage.shelf.claim(makeClaim(GUEST_UUID, 'host-b'));
    expect(await remove()).toMatchObject({ status: 'failed', error: { code: 'INSTANCE_BUSY' } });
    expect(await lookAt(host)).toMatchObject({ claims: 1, images: ['guest-shelved active'] });
  });

  it.each(['deleteImage', 'remove'] as const)('is finished by recovery when %s fails', async (method) => {
    await putGuest(host);
    await shelve(host);
    if (method === 'remove') host.shelf.failOn(method, broken);
    else host.store.failOn(method, broken);
    expect((await remove()).status).toBe('interrupted');
    await recoverOperations(host.process(2000), RECOVERY);
    expect(await lookAt(host)).toMatchObject(nothing);
  });

  it('is left alone by the recovery of a delete whose claim another host took over', async () => {
    await putGuest(host);
    await shelve(host);
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
    await shelve(host);
    const { imageId } = await readRecord(host);
    let seen = '';
    host.store.before('deleteImage', async () => {
      seen = (await host.storage.store.readImage(imageId)).status;
    });
    expect((await remove()).status).toBe('succeeded');
    expect(seen).toBe('deleting');
  });

  it('keeps an image that became the base of other disks in the last moment', async () => {
    await putGuest(host);
    await shelve(host);
    const { imageId } = await readRecord(host);
    const user = { instanceId: imageId, instanceName: 'child', host: 'host-b', since: '2026-01-01T00:00:00.000Z' };
    host.store.before('updateImage', () => host.storage.store.addUser(imageId, user));
    expect((await remove()).warnings[0]).toContain('child');
    expect(await lookAt(host)).toMatchObject({ images: ['guest-shelved active'], record: null });
  });
});
