import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeDomain } from '../../../src/model/domain-xml/describe-domain.ts';
import type { ImageFromSnapshotRequest } from '../../../src/model/snapshot/requests.ts';
import { imageFromSnapshot, recoverImageFromSnapshot } from '../../../src/operations/image-from-snapshot.ts';
import { launchInstance } from '../../../src/operations/launch-instance.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeProcesses } from '../../support/fake-host.ts';
import { createFakeJournal, createFakeLocks } from '../../support/fake-journal.ts';
import { runCancelled, runToEnd } from '../../support/image-core.ts';
import { launchRequest } from '../../support/launch-host.ts';
import { createGate, type Mishap } from '../../support/mishaps.ts';
import {
  contentOf,
  createSnapshotFixture,
  GUEST,
  infoOf,
  KIB,
  listTrips,
  MIB,
  machine,
  putEncrypted,
  putSnapshot,
  readDisk,
  SECRET_KEY,
  type SnapshotFixture,
  type Write,
} from './snapshot-fixture.ts';

const FIRST: Write = { pattern: 0x11, offset: 0, length: 256 * KIB };
const SECOND: Write = { pattern: 0x22, offset: 128 * KIB, length: 512 * KIB };
const CONTENT = contentOf(FIRST, SECOND);
const DEVICES =
  "<graphics type='vnc' port='5901' passwd='hunter2'/><interface type='network'><mac address='52:54:00:11:22:33'/>" +
  "<source network='default'/></interface><disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>" +
  "<serial type='file'><source path='/root/serial.log'/></serial>";
const DISKS = [
  { target: 'vda', path: '/var/lib/libvirt/images/web.qcow2' },
  { target: 'vdb', path: '/var/lib/libvirt/images/data.qcow2' },
];
const MACHINE = machine(DISKS, DEVICES);

let fixture: SnapshotFixture;

beforeEach(() => {
  fixture = createSnapshotFixture();
});

afterEach(() => fixture.dispose());

async function putChain(changes: { target?: string; domainXml?: string | null } = {}) {
  const { target = 'vda', domainXml = MACHINE } = changes;
  const base = await putSnapshot(fixture, 'a', { target, writes: [FIRST], domainXml });
  return await putSnapshot(fixture, 'b', { target, writes: [SECOND], domainXml, record: { parent: base.id } });
}

function wish(snapshot: string, changes: Partial<ImageFromSnapshotRequest> = {}): ImageFromSnapshotRequest {
  return {
    kind: 'image.from-snapshot',
    snapshot,
    name: 'golden',
    description: null,
    properties: {},
    isEncrypted: false,
    ...changes,
  };
}

function make(snapshot: string, core: Core = fixture.core()) {
  return runToEnd(core, imageFromSnapshot, wish(snapshot));
}

function fileOf(imageId: string, file: string): string {
  return path.join(fixture.root, 'store', 'images', imageId, file);
}

describe('an image of a snapshot', () => {
  it('holds that one volume as it was, checked and summed, and says what it comes from', async () => {
    const snapshot = await putChain();
    const request = wish(snapshot.id, { description: 'for the fleet', properties: { team: 'blue' } });
    const operation = await runToEnd(fixture.core(), imageFromSnapshot, request);
    expect(operation.error).toBeNull();
    expect(operation.target).toBe('golden');
    const { imageId = '', ...result } = operation.result;
    expect(result).toEqual({ snapshotId: snapshot.id });
    const image = await fixture.store.readImage(imageId);
    expect(image).toMatchObject({
      name: 'golden',
      status: 'active',
      description: 'for the fleet',
      visibility: 'private',
      owner: 'root',
      minDiskGiB: 1,
      consistency: snapshot.consistency,
      nvram: null,
      tpm: [],
      disks: [{ target: 'vda', file: 'disk-vda.qcow2', format: 'qcow2', virtualSizeBytes: 4 * MIB }],
      properties: {
        team: 'blue',
        image_type: 'snapshot',
        instance_uuid: GUEST,
        hw_disk_bus: 'virtio',
        hw_machine_type: 'q35',
      },
    });
    expect(image.checksum.value).toMatch(/^[0-9a-f]{64}$/);
    expect(readDisk(fileOf(imageId, 'disk-vda.qcow2'), 'qcow2').equals(CONTENT)).toBe(true);
    expect(infoOf(fileOf(imageId, 'disk-vda.qcow2'))['backing-filename']).toBeUndefined();
    expect(statSync(fileOf(imageId, 'domain.xml')).mode & 0o777).toBe(0o600);
    expect(operation.warnings).toContainEqual(expect.stringContaining('has no vdb'));
  });

  it.each(['vda', 'vdb'])('is launched as a machine with %s alone, of its own identity', async (target) => {
    const { id } = await putChain({ target });
    await make(id);
    const core = fixture.core();
    const launched = await runToEnd(core, launchInstance, launchRequest({ clone: 'full' }));
    expect(launched.error).toBeNull();
    const domain = fixture.hypervisor.domains.get(launched.result.instanceId ?? '');
    const { disks, interfaces, uuid } = describeDomain(domain?.inactiveXml ?? '');
    expect(domain?.powerState).toBe('running');
    expect(uuid).not.toBe(GUEST);
    expect(interfaces).toMatchObject([{ network: 'default' }]);
    const own = disks.filter(({ device }) => device === 'disk');
    expect(own.map((disk) => disk.target)).toEqual([target]);
    expect(readDisk(own[0]?.path ?? '', 'qcow2').equals(CONTENT)).toBe(true);
  });

  it('carries nothing that reaches into a host, wherever the definition came from', async () => {
    const evil = machine(DISKS, DEVICES, '<kernel>/root/vmlinuz</kernel>');
    const { id } = await putChain({ domainXml: evil });
    const { result, warnings } = await make(id);
    const xml = readFileSync(fileOf(result.imageId ?? '', 'domain.xml'), 'utf8');
    expect(xml).not.toMatch(/\/root\/|\/var\/lib\/libvirt\/images/);
    expect(warnings).toContainEqual(expect.stringContaining('/root/vmlinuz'));
  });

  it('says what of the machine will be new: firmware variables and TPM', async () => {
    const tpm = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>";
    const { id } = await putChain({ domainXml: machine(DISKS, tpm, '<nvram>/x/VARS.fd</nvram>') });
    const { warnings } = await make(id);
    expect(warnings.join(' ')).toMatch(/TPM will be new/);
  });

  it('is readable where the snapshot is encrypted, given the key', async () => {
    const { id } = await putEncrypted(fixture, 'a', { writes: [FIRST], domainXml: MACHINE });
    expect(await make(id)).toMatchObject({ status: 'failed', error: { code: 'ENCRYPTION_KEY_MISSING' } });
    const { error, result, warnings } = await make(id, fixture.core({ keys: SECRET_KEY }));
    expect(error).toBeNull();
    expect(readDisk(fileOf(result.imageId ?? '', 'disk-vda.qcow2'), 'qcow2').equals(contentOf(FIRST))).toBe(true);
    expect(warnings).toContain('The snapshot is encrypted; the image is not.');
  });
});

describe('whose the image is', () => {
  const shares = [{ principal: 'bob', expiresAt: null }];
  const record = { owner: 'alice', shares };
  const as = (name: string, role: 'operator' | 'admin' = 'operator') =>
    fixture.core({ caller: { name, role, isTrustedWithPaths: false } });

  it('whoever a snapshot is shared with makes an image of its own, without the passwords of the owner', async () => {
    const { id } = await putSnapshot(fixture, 'a', { writes: [FIRST], domainXml: MACHINE, record });
    const { result } = await make(id, as('bob'));
    const imageId = result.imageId ?? '';
    expect(await fixture.store.readImage(imageId)).toMatchObject({ owner: 'bob', visibility: 'private', members: [] });
    expect(readFileSync(fileOf(imageId, 'domain.xml'), 'utf8')).not.toContain('hunter2');
    await expectFailure(make(id, as('eve')), 'SNAPSHOT_NOT_FOUND');
  });

  it('its owner keeps them, and may read what an admin makes of it', async () => {
    const { id } = await putSnapshot(fixture, 'a', { writes: [FIRST], domainXml: MACHINE, record });
    const own = await make(id, as('alice'));
    expect(readFileSync(fileOf(own.result.imageId ?? '', 'domain.xml'), 'utf8')).toContain('hunter2');
    const admins = await make(id, as('root', 'admin'));
    const image = await fixture.store.readImage(admins.result.imageId ?? '');
    expect(image).toMatchObject({ owner: 'root', visibility: 'shared', members: ['alice'] });
  });
});

describe('an image that cannot be made', () => {
  it('is refused where no definition was kept, or one of another machine', async () => {
    const bare = await putSnapshot(fixture, 'a', { domainXml: null });
    await expectFailure(make(bare.id), 'SNAPSHOT_STATE');
    const other = await putSnapshot(fixture, 'b', { domainXml: machine(DISKS.slice(1)) });
    await expectFailure(make(other.id), 'SNAPSHOT_STATE');
    const alien = await putSnapshot(fixture, 'c', { domainXml: "<domain type='xen'><name>x</name></domain>" });
    await expectFailure(make(alien.id), 'IMAGE_REJECTED');
  });

  it('is refused under a bad name or with reserved properties', async () => {
    const { id } = await putChain();
    for (const changes of [{ name: ' ' }, { properties: { image_type: 'backup' } }])
      await expectFailure(runToEnd(fixture.core(), imageFromSnapshot, wish(id, changes)), 'INVALID_REQUEST');
  });

  it('is refused where the store is full or the quota used up', async () => {
    const { id } = await putChain();
    const quota = { maxImages: 0, maxImageBytes: null, maxSnapshots: null, maxSnapshotBytes: null };
    expect((await make(id, fixture.core({}, { quota }))).error?.code).toBe('QUOTA_EXCEEDED');
    expect((await make(id, fixture.core({}, { reserveBytes: 1e18 }))).error?.code).toBe('NO_SPACE');
    expect(await fixture.store.listDraftIds()).toEqual([]);
  });

  it('leaves nothing when it is cancelled', async () => {
    const { id } = await putChain();
    const isTime = ({ step }: { step: string }) => step === 'copy';
    const operation = await runCancelled(fixture.core(), imageFromSnapshot, { request: wish(id), isTime });
    expect(operation.status).toBe('cancelled');
    expect(await fixture.store.listDraftIds()).toEqual([]);
  });

  it('is there whole or not at all, whatever goes wrong', async () => {
    const { calls } = await play(null);
    for (const { what, ...trip } of listTrips(calls, ['death'])) {
      const { status, images, drafts, locks } = await play(trip);
      expect({ drafts, locks }, what).toEqual({ drafts: [], locks: [] });
      expect(status === 'succeeded' && images !== 1, what).toBe(false);
      expect(status === 'refused' && trip.mishap === 'fails' && images !== 0, what).toBe(false);
    }
  });
});

/** One call goes wrong; what a death or a failure leaves unsettled, another process recovers. */
async function play(trip: { readonly at: number; readonly mishap: Mishap } | null) {
  const world = createSnapshotFixture();
  try {
    const snapshot = await putSnapshot(world, 'a', { writes: [FIRST], domainXml: MACHINE });
    const gate = createGate(trip);
    const [journal, living] = [createFakeJournal(), new Set([1000])];
    const shared = { journal, locks: createFakeLocks(({ pid }) => living.has(pid)) };
    const core = world.core({
      ...shared,
      files: gate.guard('files', world.files),
      diskTool: gate.guard('diskTool', world.diskTool),
      snapshots: gate.guard('snapshots', world.snapshots),
      store: gate.guard('store', {
        ...world.store,
        createDraft: async (id) => gate.guard('draft', await world.store.createDraft(id)),
        openDraft: (id) => gate.guard('draft', world.store.openDraft(id)),
      }),
      journal: gate.guard('journal', journal),
      processes: createFakeProcesses(1000),
    });
    const ended = await make(snapshot.id, core).catch(() => null);
    living.clear();
    living.add(2000);
    const next = world.core({ ...shared, processes: createFakeProcesses(2000) });
    await recoverOperations(next, { 'image.from-snapshot': recoverImageFromSnapshot });
    return {
      status: ended?.status ?? 'refused',
      images: (await world.store.listImages()).images.length,
      drafts: await world.store.listDraftIds(),
      locks: await next.locks.list(),
      calls: gate.calls,
    };
  } finally {
    world.dispose();
  }
}
