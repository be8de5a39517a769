import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { shelveInstance } from '../../../src/operations/shelve-instance.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { unshelveInstance } from '../../../src/operations/unshelve-instance.ts';
import { RECOVERY } from '../../../src/operations/use-cases.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { readFakeContent } from '../../support/fake-disk-tool.ts';
import { runToEnd } from '../../support/image-core.ts';
import { createGate, type PortCall } from '../../support/mishaps.ts';
import { makeOperation, processIdentity } from '../../support/sample-operations.ts';
import { makeClaim } from '../../support/sample-shelf.ts';
import {
  GUEST_UUID,
  type GuestOptions,
  lookAt,
  makeShelfHost,
  putGuest,
  type ShelfHost,
  shelveRequest,
  unshelveRequest,
} from '../../support/shelf-host.ts';

let host: ShelfHost;
const others: ShelfHost[] = [];
beforeEach(() => {
  host = makeShelfHost();
});
afterEach(() => {
  for (const other of [host, ...others.splice(0)]) other.dispose();
});

function anotherHost(): ShelfHost {
  const other = makeShelfHost({ hostName: 'host-b', storage: host.storage });
  others.push(other);
  return other;
}

async function shelve(options: GuestOptions = {}, changes: Parameters<typeof shelveRequest>[0] = {}) {
  await putGuest(host, options);
  const before = await lookAt(host);
  const { status, error } = await runToEnd(host.core, shelveInstance, shelveRequest(changes));
  expect(error).toBeNull();
  expect(status).toBe('succeeded');
  return before;
}

/** A shelve, and an unshelve whose process dies right after that call. */
async function dieAt(
  isLast: (call: PortCall) => boolean,
  { isLaunched = true, arrange = (_: ShelfHost): void => undefined } = {},
): Promise<void> {
  const rehearsal = makeShelfHost();
  others.push(rehearsal);
  await putGuest(rehearsal, { isLaunched });
  await runToEnd(rehearsal.core, shelveInstance, shelveRequest());
  arrange(rehearsal);
  const calls = createGate(null);
  await runToEnd(rehearsal.process(1000, calls), unshelveInstance, unshelveRequest());
  await shelve({ isLaunched });
  arrange(host);
  const gate = createGate({ at: calls.calls.findIndex(isLast), mishap: 'death' });
  await runToEnd(host.process(1000, gate), unshelveInstance, unshelveRequest()).catch(() => null);
}

function unshelve(changes: Parameters<typeof unshelveRequest>[0] = {}, at = host) {
  return runToEnd(at.core, unshelveInstance, unshelveRequest(changes));
}

describe('an unshelve', () => {
  it.each(['running', 'paused', 'shutdown'] as const)(
    'brings the same machine back, %s as it was',
    async (powerState) => {
      const before = await shelve({ powerState });
      expect(await unshelve()).toMatchObject({ status: 'succeeded', error: null, warnings: [] });
      expect(await lookAt(host)).toEqual(before);
    },
  );

  it('brings back the very files of the disks, with their owners', async () => {
    await putGuest(host);
    const inodes = ['vda.qcow2', 'vdb.raw'].map((file) => statSync(host.at('disks', file)).ino);
    await runToEnd(host.core, shelveInstance, shelveRequest());
    await unshelve();
    expect(['vda.qcow2', 'vdb.raw'].map((file) => statSync(host.at('disks', file)).ino)).toEqual(inodes);
    expect(host.fakes.files.ownershipOf(host.at('disks', 'vda.qcow2'))).toEqual({ uid: 64055, gid: 107, mode: 0o600 });
  });

  it('flattens a disk that stood on a base', async () => {
    await shelve({ isChained: true });
    expect((await unshelve()).status).toBe('succeeded');
    rmSync(host.at('disks', 'base.qcow2'));
    expect(readFakeContent(host.at('disks', 'vda.qcow2'))).toBe('of vda');
  });

  it('copies where links are not to be had, and back into the format that the disks had', async () => {
    const before = await shelve();
    host.fakes.files.canLink = false;
    expect((await unshelve()).status).toBe('succeeded');
    expect(await lookAt(host)).toEqual(before);
  });

  it('lets the guest go on only when image and record are gone, because a moved disk is a file of the image', async () => {
    await shelve();
    let seen: unknown;
    host.hypervisor.before('resumeDomain', async () => {
      seen = await lookAt(host);
    });
    await unshelve();
    expect(seen).toMatchObject({ images: [], record: null, guest: { powerState: 'paused' } });
  });

  it('takes the memory up again, and stays suspended where it was', async () => {
    await putGuest(host);
    await host.fakes.hypervisor.managedSaveDomain(GUEST_UUID);
    await runToEnd(host.core, shelveInstance, shelveRequest());
    expect((await unshelve()).status).toBe('succeeded');
    expect(host.fakes.hypervisor.restoredFrom).toHaveLength(1);
    expect(host.guest()).toMatchObject({ powerState: 'suspended', hasManagedSave: true });
  });

  it('goes on running from its memory', async () => {
    await shelve({}, { keepsMemory: true });
    await unshelve();
    expect(host.fakes.hypervisor.restoredFrom).toHaveLength(1);
    expect(host.guest()?.powerState).toBe('running');
  });

  it('starts cold on request, and offers that where the memory cannot go on', async () => {
    await shelve({}, { keepsMemory: true });
    const before = await lookAt(host);
    host.hypervisor.failOn('restoreDomain', new DarkroomError('LIBVIRT_FAILED', 'no such CPU'));
    const refused = await unshelve();
    expect(refused.error).toMatchObject({ code: 'LIBVIRT_FAILED' });
    expect(refused.error?.message).toContain('--cold');
    expect(await lookAt(host)).toEqual(before);
    expect((await unshelve({ isCold: true })).status).toBe('succeeded');
    expect(host.fakes.hypervisor.restoredFrom).toEqual([]);
    expect(host.guest()?.powerState).toBe('running');
  });

  it('leaves the guest off on request', async () => {
    await shelve();
    await unshelve({ isStarted: false });
    expect(host.guest()?.powerState).toBe('shutdown');
  });

  it('starts in place what never left', async () => {
    const before = await shelve({}, { isOffloaded: false });
    expect((await unshelve()).status).toBe('succeeded');
    expect(await lookAt(host)).toEqual(before);
  });

  it('goes on although an address cannot be reserved, and says so', async () => {
    await shelve();
    host.fakes.hypervisor.reservations = [];
    host.hypervisor.failOn('addReservation', new DarkroomError('LIBVIRT_FAILED', 'taken'));
    expect((await unshelve()).warnings[0]).toContain('192.168.122.10');
  });

  it('marks an image that goes, so that no launch on another host comes to stand on it', async () => {
    host.fakes.files.declare(host.storage.store.rootPath, { device: 2 });
    await shelve({}, { isOffloaded: false });
    const imageId = (await host.storage.shelf.read(GUEST_UUID))?.imageId ?? '';
    let seen = '';
    host.store.before('deleteImage', async () => {
      seen = (await host.storage.store.readImage(imageId)).status;
    });
    expect((await unshelve()).status).toBe('succeeded');
    expect(seen).toBe('deleting');
  });

  it('keeps an image that is protected, and copies it', async () => {
    await shelve();
    const imageId = (await host.storage.shelf.read(GUEST_UUID))?.imageId ?? '';
    await host.storage.store.updateImage({ ...(await host.storage.store.readImage(imageId)), protected: true });
    const { status, warnings } = await unshelve();
    expect(status).toBe('succeeded');
    expect(warnings[0]).toContain('protected');
    expect((await host.storage.store.readImage(imageId)).status).toBe('active');
    const source = await host.storage.store.resolveFile(imageId, 'disk-vda.qcow2');
    expect(statSync(source).ino).not.toBe(statSync(host.at('disks', 'vda.qcow2')).ino);
  });

  it('lets the guest go on although libvirt will not start it with the host', async () => {
    await shelve();
    host.hypervisor.failOn('setAutostart', new DarkroomError('LIBVIRT_FAILED', 'no such link'));
    await unshelve();
    expect(host.guest()?.powerState).toBe('running');
  });

  it('keeps an image that became the base of other disks', async () => {
    await shelve();
    const imageId = (await host.storage.shelf.read(GUEST_UUID))?.imageId ?? '';
    const user = { instanceId: imageId, instanceName: 'child', host: 'host-b', since: '2026-01-01T00:00:00.000Z' };
    await host.storage.store.addUser(imageId, user);
    const { status, warnings } = await unshelve();
    expect(status).toBe('succeeded');
    expect(warnings[0]).toContain('child');
    expect((await host.storage.store.readImage(imageId)).status).toBe('active');
    const source = await host.storage.store.resolveFile(imageId, 'disk-vda.qcow2');
    expect(statSync(source).ino).not.toBe(statSync(host.at('disks', 'vda.qcow2')).ino);
  });
});

describe('an unshelve on another host', () => {
  it('puts disks into the folder and interfaces onto the network that are named', async () => {
    await shelve();
    const other = anotherHost();
    other.fakes.hypervisor.networks = [{ name: 'lan', isActive: true }];
    rmSync(host.at('nvram', 'guest_VARS.fd'), { force: true });
    const { status, error } = await unshelve({ diskDir: other.at('disks'), networks: { default: 'lan' } }, other);
    expect(error).toBeNull();
    expect(status).toBe('succeeded');
    expect(readdirSync(other.at('disks')).sort()).toEqual(['vda.qcow2', 'vdb.raw']);
    expect(other.guest()?.inactiveXml).toContain(other.at('disks', 'vda.qcow2'));
    expect(other.guest()?.inactiveXml).toContain('network="lan"');
    expect(other.guest()?.inactiveXml).toContain('keep="this"');
    expect(other.fakes.hypervisor.reservations).toMatchObject([{ network: 'lan' }]);
  });

  it('brings a launched instance back into its own folder there, with its seed and a record', async () => {
    await shelve({ isLaunched: true });
    const other = anotherHost();
    expect(await unshelve({}, other)).toMatchObject({ status: 'succeeded' });
    const folder = other.at('instances', GUEST_UUID);
    expect(readdirSync(folder).sort()).toEqual(['instance.json', 'nvram.fd', 'seed.iso', 'vda.qcow2', 'vdb.raw']);
    expect(JSON.parse(readFileSync(path.join(folder, 'instance.json'), 'utf8'))).toMatchObject({
      instanceId: GUEST_UUID,
    });
    expect(other.guest()?.powerState).toBe('running');
  });

  it('is refused while the disks are on the host that shelved it', async () => {
    await shelve({}, { isOffloaded: false });
    await expectFailure(unshelve({}, anotherHost()), 'INSTANCE_STATE');
  });
});

describe('an unshelve is refused, and the instance is still shelved', () => {
  const rows: readonly (readonly [code: string, what: string, arrange: () => unknown])[] = [
    [
      'NAME_TAKEN',
      'its name is taken',
      () => host.fakes.hypervisor.put(`<domain><name>guest</name><uuid>${makeClaim('x').operationId}</uuid></domain>`),
    ],
    ['NAME_TAKEN', 'a file lies where a disk would', () => writeFileSync(host.at('disks', 'vda.qcow2'), 'mine')],
    ['INSTANCE_UNSUPPORTED', 'there is no folder for its disks', () => rmSync(host.at('disks'), { recursive: true })],
    ['NETWORK_NOT_FOUND', 'its network is missing', () => Object.assign(host.fakes.hypervisor, { networks: [] })],
    [
      'NETWORK_INACTIVE',
      'its network is off',
      () => Object.assign(host.fakes.hypervisor, { networks: [{ name: 'default', isActive: false }] }),
    ],
  ];

  it.each(rows)('%s when %s', async (code, _, arrange) => {
    await shelve();
    arrange();
    const before = await lookAt(host);
    expect(await unshelve()).toMatchObject({ status: 'failed', error: { code } });
    expect(await lookAt(host)).toEqual(before);
  });

  it.each([
    [
      'SHELF_DAMAGED',
      "<disk type='file' device='disk'><driver type='raw'/><source file='/etc/shadow'/><target dev='vdz'/></disk>",
    ],
    [
      'SHELF_DAMAGED',
      "<disk type='file' device='lun'><driver type='raw'/><source file='/etc/shadow'/><target dev='vdz'/></disk>",
    ],
    ['INSTANCE_UNSUPPORTED', "<hostdev mode='subsystem' type='pci'/>"],
  ])('%s when somebody gave it more of a host in the store: %s', async (code, device) => {
    await shelve({}, { keepsMemory: true });
    const imageId = (await host.storage.shelf.read(GUEST_UUID))?.imageId ?? '';
    for (const name of ['memory.xml', 'domain.xml']) {
      const file = await host.storage.store.resolveFile(imageId, name);
      const whole = readFileSync(file, 'utf8');
      writeFileSync(file, whole.replace('</devices>', `${device}</devices>`));
      const before = await lookAt(host);
      expect(await unshelve()).toMatchObject({ status: 'failed', error: { code } });
      expect(await lookAt(host)).toEqual(before);
      writeFileSync(file, whole);
    }
  });

  it('NAME_TAKEN when it has no firmware variables yet and those of somebody else lie there', async () => {
    await putGuest(host, { powerState: 'shutdown' });
    const nvram = host.at('nvram', 'guest_VARS.fd');
    rmSync(nvram);
    expect((await runToEnd(host.core, shelveInstance, shelveRequest())).status).toBe('succeeded');
    writeFileSync(nvram, 'of somebody else');
    expect(await unshelve()).toMatchObject({ status: 'failed', error: { code: 'NAME_TAKEN' } });
    expect(readFileSync(nvram, 'utf8')).toBe('of somebody else');
  });

  it.each(['IMAGE_NOT_FOUND', 'IMAGE_DAMAGED'])('%s when its image is not whole', async (code) => {
    await shelve();
    const imageId = (await host.storage.shelf.read(GUEST_UUID))?.imageId ?? '';
    if (code === 'IMAGE_NOT_FOUND') await host.storage.store.deleteImage(imageId);
    else rmSync(await host.storage.store.resolveFile(imageId, 'disk-vda.qcow2'));
    expect((await unshelve()).error?.code).toBe(code);
    expect(await lookAt(host)).toMatchObject({ record: { state: 'shelved_offloaded' }, claims: 0, guest: undefined });
  });

  it('COPY_FAILED when a copy is not what the image holds', async () => {
    await shelve();
    const before = await lookAt(host);
    host.fakes.files.canLink = false;
    host.fakes.diskTool.compare = async () => false;
    expect((await unshelve()).error?.code).toBe('COPY_FAILED');
    expect(await lookAt(host)).toEqual(before);
  });

  it('NO_SPACE when copies do not fit', async () => {
    await shelve();
    host.fakes.files.declare(host.at('disks'), { device: 3 });
    host.fakes.files.freeBytesOnDisk = 1000;
    expect((await unshelve()).error?.code).toBe('NO_SPACE');
    expect(host.guest()).toBeUndefined();
  });

  it('DISK_MISSING when the firmware variables of one that never left were lost, which its image has', async () => {
    host.fakes.files.declare(host.storage.store.rootPath, { device: 2 });
    await shelve({}, { isOffloaded: false });
    rmSync(host.at('nvram', 'guest_VARS.fd'));
    const before = await lookAt(host);
    expect((await unshelve()).error?.code).toBe('DISK_MISSING');
    expect(await lookAt(host)).toEqual(before);
  });

  it('leaves a file alone that somebody put in the place of a disk meanwhile', async () => {
    await shelve();
    const file = host.at('disks', 'vda.qcow2');
    host.files.before('tryLink', (_, target) => {
      if (target === file) writeFileSync(file, 'of somebody else');
    });
    expect((await unshelve()).status).toBe('failed');
    expect(readFileSync(file, 'utf8')).toBe('of somebody else');
  });
});

describe('a file of somebody else at the place of a disk', () => {
  const mine = (): string => host.at('disks', 'vda.qcow2');
  /** Once the disk is planned, and not there yet. */
  function putThere(): void {
    host.journal.before('enterStep', (_, __, plan) => {
      if (JSON.stringify(plan)?.includes(mine()) === true && !existsSync(mine())) writeFileSync(mine(), 'mine');
    });
  }

  it.each([true, false])(
    'that came there meanwhile is neither overwritten nor removed; there are links: %s',
    async (canLink) => {
      await shelve();
      const before = await lookAt(host);
      host.fakes.files.declare(host.storage.store.rootPath, { device: 2 });
      Object.assign(host.storage.store, { isLocal: false, keepsFilesHere: false });
      host.core = host.process(1000);
      host.fakes.files.canLink = canLink;
      putThere();
      expect(await unshelve()).toMatchObject({ status: 'failed', error: { code: 'NAME_TAKEN' } });
      host.journal.reset();
      expect(await lookAt(host)).toEqual({ ...before, files: { 'disks/vda.qcow2': 'mine' } });
    },
  );

  it.each(['convert', 'tryLink'])(
    'that took its place after a death at %s is not removed by the recovery',
    async (method) => {
      const copied = (on: ShelfHost) => void Object.assign(on.storage.store, { isLocal: false, keepsFilesHere: false });
      await dieAt(({ method: called, args }) => called === method && JSON.stringify(args).includes('vda.qcow2'), {
        isLaunched: false,
        arrange: copied,
      });
      writeFileSync(host.at('mine'), 'mine');
      renameSync(host.at('mine'), mine());
      await recoverOperations(host.process(2000), RECOVERY);
      expect(await lookAt(host)).toMatchObject({ files: { 'disks/vda.qcow2': 'mine' }, claims: 0, unsettled: 0 });
      expect(readdirSync(host.at('disks'))).toEqual(['vda.qcow2']);
    },
  );
});

describe('the claim on a shelved instance', () => {
  it('of another host makes it busy, and --steal takes it', async () => {
    await shelve();
    await host.storage.shelf.claim(makeClaim(GUEST_UUID, 'host-b'));
    expect(await unshelve()).toMatchObject({ status: 'failed', error: { code: 'INSTANCE_BUSY' } });
    expect([...host.storage.shelf.claims.values()]).toMatchObject([{ host: 'host-b' }]);
    expect(await unshelve({ isStealing: true })).toMatchObject({ status: 'succeeded' });
    expect(host.storage.shelf.claims.size).toBe(0);
  });

  it('of a dead process of this host is taken over where its operation is on record', async () => {
    await shelve();
    const claim = makeClaim(GUEST_UUID, 'host-a');
    await host.storage.shelf.claim(claim);
    expect((await unshelve()).error?.code).toBe('INSTANCE_BUSY');
    const operation = makeOperation({ id: claim.operationId, kind: 'instance.unshelve' });
    await host.fakes.journal.begin(operation, { owner: processIdentity(3), plan: null });
    const { status, warnings } = await unshelve();
    expect(status).toBe('succeeded');
    expect(warnings[0]).toContain('taken over');
  });

  it('lets only one of two commands on two hosts have it', async () => {
    await shelve({ isLaunched: true });
    const ended = await Promise.all([unshelve(), unshelve({}, anotherHost())]);
    expect(ended.map(({ status }) => status).sort()).toEqual(['failed', 'succeeded']);
    expect(ended.find(({ status }) => status === 'failed')?.error?.code).toBe('INSTANCE_BUSY');
  });

  it('that was taken over keeps a late recovery from the machine that has come back since', async () => {
    await shelve({ isLaunched: true });
    const gate = createGate({ at: 8, mishap: 'death' });
    await runToEnd(host.process(1000, gate), unshelveInstance, unshelveRequest()).catch(() => null);
    const [dead] = await host.fakes.journal.list({ isUnsettled: true });
    if (dead === undefined) throw new Error('nothing was left to recover');
    // it had planned its files, and made none
    await host.fakes.journal.enterStep(dead.operation.id, 'bring files', {
      ...Object(dead.plan),
      folder: host.at('instances', GUEST_UUID),
      files: [
        {
          path: host.at('instances', GUEST_UUID, 'nvram.fd'),
          partial: host.at('instances', GUEST_UUID, '.nvram.partial'),
          inode: null,
        },
      ],
    });
    const next = host.process(2000);
    // what it has to put right is not taken from it unasked
    expect((await runToEnd(next, unshelveInstance, unshelveRequest())).error?.code).toBe('INSTANCE_BUSY');
    expect((await runToEnd(next, unshelveInstance, unshelveRequest({ isStealing: true }))).status).toBe('succeeded');
    const back = await lookAt(host);
    await recoverOperations(host.process(3000), RECOVERY);
    expect(await lookAt(host)).toEqual({ ...back, unsettled: 0 });
  });
});

describe('an unshelve whose host died', () => {
  const isStarted = ({ method }: PortCall): boolean => method === 'startDomain';

  it.each([
    ['when the image was marked', ({ method }: PortCall) => method === 'updateImage'],
    ['when the disks had moved', isStarted],
  ])('can be taken over by another host: %s', async (_, isLast) => {
    await dieAt(isLast);
    const other = anotherHost();
    expect(await unshelve({}, other)).toMatchObject({ error: { code: 'INSTANCE_BUSY' } });
    expect(await unshelve({ isStealing: true }, other)).toMatchObject({ status: 'succeeded', error: null });
    expect(readFakeContent(other.at('instances', GUEST_UUID, 'vda.qcow2'))).toBe('of vda');
    expect(other.guest()?.powerState).toBe('running');
  });

  it('takes over an image whose tables its QEMU touched', async () => {
    await dieAt(isStarted);
    writeFileSync(host.at('instances', GUEST_UUID, 'vda.qcow2'), ' ', { flag: 'a' });
    expect(await unshelve({ isStealing: true }, anotherHost())).toMatchObject({ status: 'succeeded', error: null });
  });

  it('puts itself right when somebody took it over and failed', async () => {
    await dieAt(isStarted);
    const other = anotherHost();
    other.hypervisor.failOn('startDomain', new DarkroomError('LIBVIRT_FAILED', 'no such CPU'));
    expect((await unshelve({ isStealing: true }, other)).status).toBe('failed');
    await recoverOperations(host.process(2000), RECOVERY);
    expect(await lookAt(host)).toMatchObject({
      guest: undefined,
      files: {},
      images: ['guest-shelved active'],
      record: { state: 'shelved_offloaded' },
      claims: 0,
      unsettled: 0,
    });
    expect((await unshelve({}, other)).status).toBe('succeeded');
  });

  it('leaves no machine that was just being started when it died', async () => {
    await dieAt(({ method, args }) => method === 'enterStep' && args[1] === 'start');
    // libvirt was asked before, and does it now
    host.hypervisor.before('undefineDomain', async () => {
      await host.fakes.hypervisor.startDomain(GUEST_UUID, { isPaused: true });
    });
    await recoverOperations(host.process(2000), RECOVERY);
    expect(await lookAt(host)).toMatchObject({ guest: undefined, files: {}, claims: 0, unsettled: 0 });
  });

  it('does not believe a checksum of a disk that a QEMU had open', async () => {
    await shelve();
    const imageId = (await host.storage.shelf.read(GUEST_UUID))?.imageId ?? '';
    const image = await host.storage.store.readImage(imageId);
    const disks = image.disks.map((disk) => ({ ...disk, sha256: 'a'.repeat(64) }));
    await host.storage.store.updateImage({ ...image, disks });
    host.hypervisor.failAfter('startDomain', new DarkroomError('LIBVIRT_FAILED', 'broken on purpose'));
    expect((await unshelve()).status).toBe('failed');
    const { status, disks: now } = await host.storage.store.readImage(imageId);
    expect(status).toBe('active');
    expect(now.map(({ sha256 }) => sha256)).toEqual([null, null]);
  });
});
