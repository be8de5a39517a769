import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { RECOVERY } from '../../../src/operations/recovery-table.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { writeFakeDisk } from '../../support/fake-disk-tool.ts';
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
    expect((await shelve(host)).error).toMatchObject({
      code: 'DISK_UNSUPPORTED',
      message: expect.stringContaining('neighbour'),
    });
  });

  it('goes on although the disk of one of them is gone', async () => {
    await putGuest(host);
    putNeighbour(host.at('disks', 'gone.qcow2'));
    expect((await shelve(host)).error).toBeNull();
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
    expect(await shelve(host)).toMatchObject({ status: 'failed', error: { code } });
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
      expect((await shelve(host)).error?.code).toBe('INSTANCE_UNSUPPORTED');
      expect(guest).toMatchObject({ powerState: 'suspended', hasManagedSave: true });
    },
  );

  it('INSTANCE_UNSUPPORTED when it is transient', async () => {
    (await putGuest(host)).inactiveXml = null;
    expect((await shelve(host)).error?.code).toBe('INSTANCE_UNSUPPORTED');
    expect(host.guest()?.powerState).toBe('running');
  });

  it('NO_SPACE when the copies do not fit', async () => {
    await putGuest(host);
    separateStore(host);
    host.fakes.files.freeBytesOnDisk = 1000;
    expect((await shelve(host)).error?.code).toBe('NO_SPACE');
    expect(host.guest()?.powerState).toBe('running');
  });

  it('STORE_UNUSABLE where nothing could be claimed, and so nothing brought back', async () => {
    await putGuest(host);
    host.shelf.failOn('assertWritable', new DarkroomError('STORE_UNUSABLE', 'no links'));
    expect((await shelve(host)).error?.code).toBe('STORE_UNUSABLE');
    expect(host.guest()?.powerState).toBe('running');
  });

  it('INSTANCE_STATE when it is shelved already', async () => {
    await putGuest(host);
    await shelve(host, { isOffloaded: false });
    await expectFailure(shelve(host), 'INSTANCE_STATE');
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
    expect((await shelve(host)).status).toBe('interrupted');
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
    expect(await shelve(host)).toMatchObject({ status: 'failed', error: { code: 'INSTANCE_BUSY' } });
    expect(host.guest()?.powerState).toBe('running');
    expect(await readRecord(host).catch(() => null)).toBeNull();
  });

  it('keeps a damaged disk where it is', async () => {
    await putGuest(host);
    const before = await lookAt(host);
    host.diskTool.failOn('check', new DarkroomError('QEMU_IMG_FAILED', 'corrupt'));
    expect((await shelve(host)).status).toBe('failed');
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
    expect((await shelve(host)).status).toBe('succeeded');
    expect(readdirSync(host.at('disks'))).toEqual(['vda.qcow2', 'vda.qcow2.old']);
  });
});
