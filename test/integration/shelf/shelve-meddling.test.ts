import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { ShelvedInstance } from '../../../src/model/shelved-instance.ts';
import { offloadInstance } from '../../../src/operations/offload-instance.ts';
import { RECOVERY } from '../../../src/operations/recovery-table.ts';
import { shelveInstance } from '../../../src/operations/shelve-instance.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { readFakeContent, writeFakeDisk } from '../../support/fake-disk-tool.ts';
import { runToEnd } from '../../support/image-core.ts';
import { createGate, type PortCall } from '../../support/mishaps.ts';
import {
  GUEST_UUID,
  lookAt,
  makeShelfHost,
  OFFLOAD_REQUEST,
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

const isUndefine = ({ method, args }: PortCall): boolean => method === 'enterStep' && args[1] === 'undefine';
const isUndefined = ({ method }: PortCall): boolean => method === 'undefineDomain';
const isPublished = ({ port, method }: PortCall): boolean => port === 'draft' && method === 'publish';
const isRemoval = ({ port, method, args }: PortCall): boolean =>
  port === 'files' && method === 'remove' && String(args[0]).endsWith('/disks/vda.qcow2');

/** A shelve whose process dies right after that call. */
async function shelveAndDie(
  prepare: (on: ShelfHost) => Promise<unknown>,
  isLast: (call: PortCall) => boolean,
  request = shelveRequest(),
) {
  const rehearsal = makeShelfHost();
  const calls = createGate(null);
  await prepare(rehearsal);
  await runToEnd(rehearsal.process(1000, calls), shelveInstance, request);
  rehearsal.dispose();
  await prepare(host);
  const gate = createGate({ at: calls.calls.findIndex(isLast), mishap: 'death' });
  await runToEnd(host.process(1000, gate), shelveInstance, request).catch(() => null);
}

const copied = async (on: ShelfHost) => {
  await putGuest(on);
  separateStore(on);
};
const moved = (on: ShelfHost) => putGuest(on);
const recover = () => recoverOperations(host.process(2000), RECOVERY);
const disk = () => host.at('disks', 'vda.qcow2');

async function changeRecord(changes: (record: ShelvedInstance) => Partial<ShelvedInstance>): Promise<void> {
  const record = await host.storage.shelf.read(GUEST_UUID);
  if (record === null) throw new Error('there is no record');
  await host.storage.shelf.write({ ...record, ...changes(record) });
}

async function runsForAWhile(): Promise<void> {
  await host.fakes.hypervisor.startDomain(GUEST_UUID);
  writeFakeDisk(disk(), { content: 'of vda and of a day of work' });
}

describe('recovery of a shelve that died when its guest was about to leave', () => {
  it.each([
    ['copied', copied],
    ['moved', moved],
  ])('keeps what a guest wrote that somebody started and stopped since; disks are %s', async (_, prepare) => {
    await shelveAndDie(prepare, isUndefine);
    await runsForAWhile();
    await host.fakes.hypervisor.destroyDomain(GUEST_UUID);
    await recover();
    expect(readFakeContent(disk())).toBe('of vda and of a day of work');
    expect(await lookAt(host)).toMatchObject({
      guest: { powerState: 'running', isAutostart: true },
      images: [],
      drafts: 0,
      record: null,
      unsettled: 0,
    });
  });

  it('spares a guest that somebody starts in the moment before it is undefined', async () => {
    await shelveAndDie(moved, isUndefine);
    host.hypervisor.before('undefineDomain', runsForAWhile);
    await recover();
    expect(await lookAt(host)).toMatchObject({
      guest: { powerState: 'running' },
      images: [],
      record: null,
      unsettled: 0,
    });
    expect(host.guest()?.inactiveXml).toContain('ours');
    expect(readFakeContent(disk())).toBe('of vda and of a day of work');
    expect(existsSync(host.at('nvram', 'guest_VARS.fd'))).toBe(true);
  });

  it('defines a guest again that runs without a definition', async () => {
    await shelveAndDie(moved, isUndefine);
    const guest = host.guest();
    if (guest === undefined) throw new Error('it is gone');
    await runsForAWhile();
    guest.inactiveXml = null;
    await recover();
    expect(await lookAt(host)).toMatchObject({
      guest: { powerState: 'running' },
      images: [],
      record: null,
      unsettled: 0,
    });
    expect(guest.inactiveXml).toContain('ours');
  });

  it('deletes no image that has the disks already, although the domain was defined anew and cannot be undefined', async () => {
    await shelveAndDie(moved, isRemoval);
    expect(existsSync(disk())).toBe(false);
    const imageId = (await host.storage.shelf.read(GUEST_UUID))?.imageId ?? '';
    const definition = await host.storage.store.resolveFile(imageId, 'domain.xml');
    await host.fakes.hypervisor.defineDomain(readFileSync(definition, 'utf8'));
    host.hypervisor.failOn('undefineDomain', new DarkroomError('LIBVIRT_FAILED', 'will not'), { times: 99 });
    await recover();
    expect(await lookAt(host)).toMatchObject({ images: ['guest-shelved active'], record: { state: 'offloading' } });
    host.hypervisor.reset();
    await recoverOperations(host.process(3000), RECOVERY);
    expect(await lookAt(host)).toMatchObject({
      guest: undefined,
      record: { state: 'shelved_offloaded' },
      unsettled: 0,
    });
  });

  it('keeps a disk whose copy, made where no link was to be had, is not what it holds', async () => {
    await putGuest(host);
    host.fakes.files.canLink = false;
    const { copy } = host.fakes.files;
    host.fakes.files.copy = async (source, target) => {
      await copy(source, target);
      if (source === disk()) writeFileSync(target, readFileSync(target, 'utf8').replace('of vda', 'of vdx'));
    };
    expect((await runToEnd(host.core, shelveInstance, shelveRequest())).status).toBe('interrupted');
    expect(readFakeContent(disk())).toBe('of vda');
    expect((await host.storage.store.listImages()).images).toEqual([]);
  });

  it.each(['a disk', 'all'])('defines the machine again where %s of its image was lost since', async (what) => {
    await shelveAndDie(copied, isUndefined);
    const imageId = (await host.storage.shelf.read(GUEST_UUID))?.imageId ?? '';
    if (what === 'all') await host.storage.store.deleteImage(imageId);
    else rmSync(await host.storage.store.resolveFile(imageId, 'disk-vda.qcow2'));
    await recover();
    expect(readFakeContent(disk())).toBe('of vda');
    expect(existsSync(host.at('nvram', 'guest_VARS.fd'))).toBe(what === 'a disk');
    expect(await lookAt(host)).toMatchObject({
      guest: { powerState: 'running', isAutostart: true },
      images: [],
      record: null,
      unsettled: 0,
    });
  });

  it('starts the guest again where the image went before it was undefined', async () => {
    await shelveAndDie(copied, isUndefine);
    const imageId = (await host.storage.shelf.read(GUEST_UUID))?.imageId ?? '';
    await host.storage.store.deleteImage(imageId);
    await recover();
    expect(await lookAt(host)).toMatchObject({
      guest: { powerState: 'running' },
      images: [],
      record: null,
      unsettled: 0,
    });
    expect(readFakeContent(disk())).toBe('of vda');
  });
});

describe('recovery of a shelve that died while libvirt saved the memory', () => {
  const isStop = ({ method, args }: PortCall): boolean => method === 'enterStep' && args[1] === 'stop';
  const withMemory = shelveRequest({ keepsMemory: true });

  it.each(['running', 'paused'] as const)(
    'waits for the end of that, and has the guest go on: %s',
    async (powerState) => {
      await shelveAndDie((on) => putGuest(on, { powerState }), isStop, withMemory);
      // as it looks meanwhile
      await host.fakes.hypervisor.suspendDomain(GUEST_UUID);
      const timeout = new DarkroomError('LIBVIRT_FAILED', 'timed out', { fields: { libvirtCode: 68 } });
      let asked = 0;
      host.hypervisor.before('startDomain', async () => {
        asked += 1;
        if (asked === 1) throw timeout;
        if (asked === 2) await host.fakes.hypervisor.managedSaveDomain(GUEST_UUID);
      });
      await recover();
      expect(await lookAt(host)).toMatchObject({
        guest: { powerState, hasManagedSave: false },
        record: null,
        unsettled: 0,
      });
    },
  );

  it('leaves a guest as it is whose memory nobody saves', async () => {
    await shelveAndDie((on) => putGuest(on), isStop, withMemory);
    await recover();
    expect(await lookAt(host)).toMatchObject({ guest: { powerState: 'running' }, record: null, unsettled: 0 });
  });
});

describe('a record that somebody changed in the store', () => {
  const victim = () => host.at('victim');

  it.each(['a launch', 'a disk', 'a file'])(
    'has nothing removed or made that its definition does not name: %s',
    async (what) => {
      await shelveAndDie(moved, isPublished);
      writeFileSync(victim(), 'of somebody else');
      const { ino } = statSync(victim());
      await changeRecord((record) => {
        switch (what) {
          case 'a launch':
            return { made: { imageId: record.imageId, folder: host.root, files: ['victim'] } };
          case 'a disk':
            return {
              disks: record.disks.map((entry) => ({
                ...entry,
                path: `${entry.target === 'vda' ? victim() : entry.path}`,
                inode: entry.target === 'vda' ? ino : entry.inode,
              })),
            };
          default:
            return { files: record.files.map((file) => ({ ...file, path: host.at('made.up') })) };
        }
      });
      await recover();
      expect(existsSync(victim())).toBe(true);
      expect(existsSync(host.at('made.up'))).toBe(false);
      expect(await lookAt(host)).toMatchObject({ images: ['guest-shelved active'], unsettled: 1 });
    },
  );

  it('is not offloaded when it names files of others', async () => {
    await copied(host);
    await runToEnd(host.core, shelveInstance, shelveRequest({ isOffloaded: false }));
    writeFileSync(victim(), 'of somebody else');
    await changeRecord((record) => ({ made: { imageId: record.imageId, folder: host.root, files: ['victim'] } }));
    expect(await runToEnd(host.core, offloadInstance, OFFLOAD_REQUEST)).toMatchObject({
      status: 'failed',
      error: { code: 'SHELF_DAMAGED' },
    });
    expect(existsSync(victim())).toBe(true);
    expect(host.guest()?.powerState).toBe('shutdown');
  });

  it('is not offloaded when it leaves a disk out', async () => {
    await copied(host);
    await runToEnd(host.core, shelveInstance, shelveRequest({ isOffloaded: false }));
    await changeRecord((record) => ({ disks: record.disks.slice(0, 1) }));
    expect((await runToEnd(host.core, offloadInstance, OFFLOAD_REQUEST)).error?.code).toBe('SHELF_DAMAGED');
  });
});
