import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DoctorCheck } from '../../../src/model/doctor.ts';
import { DarkroomError } from '../../../src/model/errors.ts';
import { overlayPath } from '../../../src/model/overlay-name.ts';
import type { RecycledImages } from '../../../src/model/ports/image-store.ts';
import type { CapturePlan } from '../../../src/operations/capture-plan.ts';
import { recoverCreateImage } from '../../../src/operations/create-image.ts';
import { diagnoseHost } from '../../../src/operations/diagnose-host.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import {
  type CaptureHost,
  GUEST_UUID,
  makeCaptureHost,
  NOTHING_LEFT,
  OPERATION_ID,
  putOnOverlays,
} from '../../support/capture-host.ts';
import { writeFakeDisk } from '../../support/fake-disk-tool.ts';
import { createFakeImageStore } from '../../support/fake-image-store.ts';
import { createImageCore } from '../../support/image-core.ts';
import { makeImage } from '../../support/sample-images.ts';
import { makeOperation } from '../../support/sample-operations.ts';

const TABLE = { 'image.create': recoverCreateImage };
const DEAD = { pid: 77, startTicks: 770, bootId: 'boot' };

let host: CaptureHost;

beforeEach(() => {
  host = makeCaptureHost();
});

afterEach(() => host.dispose());

async function diagnose(id: string, options: { isRepairing?: boolean; core?: Core } = {}): Promise<DoctorCheck[]> {
  const { isRepairing = false, core = host.core } = options;
  const { checks } = await diagnoseHost(core, TABLE, { isRepairing });
  return checks.filter((check) => check.id === id);
}

describe('overlays with the journal lost', () => {
  let plan: CapturePlan;

  beforeEach(async () => {
    plan = await putOnOverlays(host);
  });

  it('are shown, and nothing is touched without --repair', async () => {
    const [check] = await diagnose('leftover.overlay');
    expect(check).toMatchObject({ status: 'error', remedy: 'darkroom doctor --repair', isRepaired: false });
    expect(check?.message).toContain('vda, vdb');
    expect((await host.leftovers()).files).toHaveLength(4);
  });

  it('are committed by --repair', async () => {
    expect(await diagnose('leftover.overlay', { isRepairing: true })).toMatchObject([
      { status: 'ok', isRepaired: true },
    ]);
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it('are committed for a guest that is off', async () => {
    await host.fake.destroyDomain(GUEST_UUID);
    expect(await diagnose('leftover.overlay', { isRepairing: true })).toMatchObject([
      { status: 'ok', isRepaired: true },
    ]);
    expect((await host.leftovers()).definedTops).toEqual(['vda.qcow2', 'vdb.raw']);
    expect((await host.leftovers()).files).toEqual(['vda.qcow2', 'vdb.raw']);
  });

  it('are left alone while somebody works on the instance', async () => {
    const claim = { operationId: 'another', kind: 'instance.stop', owner: host.core.processes.self };
    await host.core.locks.tryAcquire([`instance:${GUEST_UUID}`], claim);
    const [check] = await diagnose('leftover.overlay', { isRepairing: true });
    expect(check).toMatchObject({ status: 'error', isRepaired: false });
    expect(check?.message).toContain('INSTANCE_BUSY');
    expect((await host.leftovers()).files).toHaveLength(4);
  });

  it('are no leftovers while their operation lives', async () => {
    await host.core.journal.begin(makeOperation({ id: OPERATION_ID }), { owner: host.core.processes.self, plan });
    expect(await diagnose('leftover.overlay', { isRepairing: true })).toMatchObject([
      { status: 'ok', isRepaired: false },
    ]);
    expect((await host.leftovers()).files).toHaveLength(4);
  });

  it('that cannot be committed hide no other', async () => {
    const stale = overlayPath(host.disks.vda, 'aaaaaaaa-1aff-4db6-b30b-99804d6e014f');
    host.hypervisor.failOn('startActiveCommit', new DarkroomError('LIBVIRT_FAILED', 'no'), { times: 9 });
    writeFakeDisk(stale, { backing: { path: host.disks.vda, format: 'qcow2' } });
    const checks = await diagnose('leftover.overlay', { isRepairing: true });
    expect(checks.map(({ status }) => status)).toEqual(['error', 'warning']);
    expect(existsSync(stale)).toBe(true);
  });
});

describe('files beside a disk', () => {
  it('are deleted by --repair when they are overlays that the guest has left', async () => {
    const stale = overlayPath(host.disks.vda, OPERATION_ID);
    writeFakeDisk(stale, { backing: { path: host.disks.vda, format: 'qcow2' } });
    expect(await diagnose('leftover.overlay')).toMatchObject([{ status: 'warning', isRepaired: false }]);
    expect(existsSync(stale)).toBe(true);
    expect(await diagnose('leftover.overlay', { isRepairing: true })).toMatchObject([{ isRepaired: true }]);
    expect(existsSync(stale)).toBe(false);
  });

  it('are never touched when their header names another disk, or none', async () => {
    const files = [overlayPath(host.disks.vda, OPERATION_ID), overlayPath(host.disks.vdb, OPERATION_ID)];
    writeFakeDisk(files[0] ?? '', { backing: { path: host.disks.vdb, format: 'raw' } });
    writeFakeDisk(files[1] ?? '');
    const checks = await diagnose('leftover.overlay', { isRepairing: true });
    expect(checks.map(({ status }) => status)).toEqual(['warning', 'warning']);
    expect(files.every((file) => existsSync(file))).toBe(true);
  });

  it('are never touched when no domain uses the disk below', async () => {
    const other = path.join(path.dirname(host.disks.vda), 'other.qcow2');
    writeFakeDisk(other);
    const file = overlayPath(other, OPERATION_ID);
    writeFakeDisk(file, { backing: { path: other, format: 'qcow2' } });
    expect(await diagnose('leftover.overlay', { isRepairing: true })).toMatchObject([{ status: 'warning' }]);
    expect(existsSync(file)).toBe(true);
  });
});

describe('operations of dead processes', () => {
  beforeEach(async () => {
    const plan = await putOnOverlays(host);
    await host.core.journal.begin(makeOperation({ id: OPERATION_ID, step: 'copy' }), { owner: DEAD, plan });
  });

  it('are shown, and put right by --repair', async () => {
    expect(await diagnose('operation.unsettled')).toMatchObject([{ status: 'error', isRepaired: false }]);
    expect((await host.leftovers()).files).toHaveLength(4);
    expect(await diagnose('operation.unsettled', { isRepairing: true })).toMatchObject([
      { status: 'ok', isRepaired: true },
    ]);
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it('say so when they cannot be put right', async () => {
    host.hypervisor.failOn('startActiveCommit', new DarkroomError('LIBVIRT_FAILED', 'no'), { times: 9 });
    expect(await diagnose('operation.unsettled', { isRepairing: true })).toMatchObject([{ status: 'error' }]);
  });
});

it('tells of a draft that no operation of this host is making, and leaves it: the store may be shared', async () => {
  const draft = path.join(host.store.rootPath, 'images', GUEST_UUID);
  mkdirSync(draft, { recursive: true });
  expect(await diagnose('leftover.draft', { isRepairing: true })).toMatchObject([{ status: 'warning' }]);
  expect(existsSync(draft)).toBe(true);
});

it('shows the rest when libvirt is not there', async () => {
  for (const method of ['versions', 'listDomains'] as const) {
    host.hypervisor.failOn(method, new DarkroomError('LIBVIRT_UNREACHABLE', 'gone'), { times: 9 });
  }
  const { checks, isHealthy } = await diagnoseHost(host.core, TABLE, { isRepairing: false });
  expect(isHealthy).toBe(false);
  expect(checks.find(({ id }) => id === 'libvirt.reachable')?.remedy).toContain('libvirtd');
  expect(checks.find(({ id }) => id === 'store.writable')?.status).toBe('ok');
});

it('row 25: tells of a guest that is frozen, and how it is thawed', async () => {
  host.domain.isFrozen = true;
  const [check] = await diagnose('guest.agent');
  expect(check).toMatchObject({ status: 'error', remedy: expect.stringContaining('virsh domfsthaw guest') });
});

describe('deleted images', () => {
  const note = { deletedAt: '2026-01-01T00:00:00.000Z', deletedBy: null, expiresAt: '2026-01-08T00:00:00.000Z' };
  const image = makeImage('3f1c1d5e-5a6b-4c7d-8e9f-000000000001');

  async function diagnoseStore(found: Partial<RecycledImages>, isRepairing = false) {
    const store = createFakeImageStore();
    const purged: string[] = [];
    const nothing = { recycled: [], broken: [], halfPurgedIds: [] };
    const core = createImageCore({
      store: {
        ...store,
        listRecycled: async () => ({ ...nothing, ...found }),
        purgeRecycled: async (id: string) => void purged.push(id),
      },
    });
    const { checks } = await diagnoseHost(core, TABLE, { isRepairing });
    return { purged, checks: checks.filter(({ id }) => id === 'store.recycled') };
  }

  it('are counted, with what they take', async () => {
    const { checks } = await diagnoseStore({ recycled: [{ id: image.id, image, sizeBytes: 2048, ...note }] });
    expect(checks).toMatchObject([{ status: 'ok', message: expect.stringContaining('1, 2.0 KiB') }]);
  });

  it('that are damaged are told of, and left to people', async () => {
    const { checks, purged } = await diagnoseStore({ broken: [{ id: image.id, reason: 'not JSON' }] }, true);
    expect(checks).toMatchObject([{ status: 'warning', remedy: expect.stringContaining(`--purge ${image.id}`) }]);
    expect(purged).toEqual([]);
  });

  it('whose purge was cut short are purged by a repair', async () => {
    expect(await diagnoseStore({ halfPurgedIds: [image.id] })).toMatchObject({
      checks: [{ status: 'warning' }],
      purged: [],
    });
    expect(await diagnoseStore({ halfPurgedIds: [image.id] }, true)).toMatchObject({
      checks: [{ status: 'ok', isRepaired: true }],
      purged: [image.id],
    });
  });
});
