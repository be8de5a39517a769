import { rmSync, statSync, utimesSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { offloadInstance } from '../../../src/operations/offload-instance.ts';
import { shelveInstance } from '../../../src/operations/shelve-instance.ts';
import { unshelveInstance } from '../../../src/operations/unshelve-instance.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { runToEnd } from '../../support/image-core.ts';
import {
  GUEST_UUID,
  lookAt,
  makeShelfHost,
  OFFLOAD_REQUEST,
  putGuest,
  type ShelfHost,
  separateStore,
  shelveRequest,
  unshelveRequest,
} from '../../support/shelf-host.ts';

let host: ShelfHost;
beforeEach(async () => {
  host = makeShelfHost();
  await putGuest(host);
});
afterEach(() => host.dispose());

const shelve = (isOffloaded = false) => runToEnd(host.core, shelveInstance, shelveRequest({ isOffloaded }));
const offload = (core = host.core) => runToEnd(core, offloadInstance, OFFLOAD_REQUEST);
const gone = { guest: undefined, files: {}, images: ['guest-shelved active'], drafts: 0, held: 0, unsettled: 0 };

describe('an offload', () => {
  it('moves the disks that were left on the host', async () => {
    const { ino } = statSync(host.at('disks', 'vda.qcow2'));
    await shelve();
    expect(await offload()).toMatchObject({ status: 'succeeded', error: null, result: { instanceId: GUEST_UUID } });
    const record = await host.storage.shelf.read(GUEST_UUID);
    expect(record).toMatchObject({ state: 'shelved_offloaded', isImageDeferred: false, powerState: 'running' });
    const moved = await host.storage.store.resolveFile(record?.imageId ?? '', 'disk-vda.qcow2');
    expect(statSync(moved).ino).toBe(ino);
    expect(await lookAt(host)).toMatchObject(gone);
  });

  it('removes the disks that were copied', async () => {
    separateStore(host);
    await shelve();
    expect((await offload()).status).toBe('succeeded');
    expect(await lookAt(host)).toMatchObject(gone);
  });

  it('row 40: has taken all of it from the host before its state says so', async () => {
    separateStore(host);
    await shelve();
    const seen: unknown[] = [];
    const shelf = makeFaulty(host.core.shelf);
    shelf.before('write', async () => {
      const { guest, files, record } = await lookAt(host);
      seen.push({ guest, files, state: record?.state });
    });
    expect((await offload({ ...host.core, shelf: shelf.port })).status).toBe('succeeded');
    expect(seen.at(-1)).toEqual({ guest: undefined, files: {}, state: 'offloading' });
    expect(await lookAt(host)).toMatchObject({ ...gone, record: { state: 'shelved_offloaded' } });
  });

  it('keeps what the guest did before the shelve, for its return', async () => {
    const before = await lookAt(host);
    await shelve();
    await offload();
    expect((await runToEnd(host.core, unshelveInstance, unshelveRequest())).status).toBe('succeeded');
    expect(await lookAt(host)).toEqual(before);
  });
});

describe('an offload is refused, and all is as it was', () => {
  it('when the instance is not shelved, or is nowhere', async () => {
    await expectFailure(offload(), 'INSTANCE_STATE');
    host.fakes.hypervisor.domains.clear();
    await expectFailure(offload(), 'INSTANCE_NOT_FOUND');
  });

  it('when it is offloaded already', async () => {
    await shelve(true);
    await expectFailure(offload(), 'INSTANCE_STATE');
  });

  it('when another host has its disks', async () => {
    await shelve();
    const other = makeShelfHost({ hostName: 'host-b', storage: host.storage });
    await expectFailure(offload(other.core), 'INSTANCE_STATE');
    other.dispose();
  });

  it('when somebody started the guest all the same', async () => {
    await shelve();
    await host.fakes.hypervisor.startDomain(GUEST_UUID);
    const before = await lookAt(host);
    expect(await offload()).toMatchObject({ status: 'failed', error: { code: 'INSTANCE_STATE' } });
    expect(await lookAt(host)).toEqual(before);
  });

  it('when a disk was written to since it was copied', async () => {
    separateStore(host);
    await shelve();
    utimesSync(host.at('disks', 'vdb.raw'), 1, 1);
    const before = await lookAt(host);
    expect(await offload()).toMatchObject({ status: 'failed', error: { code: 'INSTANCE_STATE' } });
    expect(await lookAt(host)).toEqual(before);
  });

  it('when its image is not whole', async () => {
    separateStore(host);
    await shelve();
    const imageId = (await host.storage.shelf.read(GUEST_UUID))?.imageId ?? '';
    rmSync(await host.storage.store.resolveFile(imageId, 'disk-vdb.qcow2'));
    expect(await offload()).toMatchObject({ status: 'failed', error: { code: 'IMAGE_DAMAGED' } });
    expect(await lookAt(host)).toMatchObject({ guest: { powerState: 'shutdown' }, record: { state: 'shelved' } });
  });

  it('when a disk is damaged that would become the only copy', async () => {
    await shelve();
    const before = await lookAt(host);
    host.fakes.diskTool.check = async () => ({ isSound: false, corruptions: 3, leaks: 0, checkErrors: 0 });
    expect(await offload()).toMatchObject({ status: 'failed', error: { code: 'IMAGE_DAMAGED' } });
    expect(await lookAt(host)).toEqual(before);
  });
});
