import { truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { shelveInstance } from '../../../src/operations/shelve-instance.ts';
import { measureStore, surveyImages, surveyInstances, surveyOverlays } from '../../../src/operations/survey-host.ts';
import { type CaptureHost, captureRequest, makeCaptureHost } from '../../support/capture-host.ts';
import { createFakeImageStore } from '../../support/fake-image-store.ts';
import { createImageCore, runToEnd } from '../../support/image-core.ts';
import { makeImage, publishImage } from '../../support/sample-images.ts';
import { GUEST_UUID, makeShelfHost, putGuest, type ShelfHost, shelveRequest } from '../../support/shelf-host.ts';

describe('the instances of a host', () => {
  let host: ShelfHost;
  beforeEach(async () => {
    host = makeShelfHost();
    await putGuest(host);
  });
  afterEach(() => host.dispose());

  it('are its domains, and what it shelved', async () => {
    expect(await surveyInstances(host.core)).toEqual({
      instances: [{ id: GUEST_UUID, name: 'guest', state: 'active' }],
      shelved: [],
    });
    await runToEnd(host.core, shelveInstance, shelveRequest({ isOffloaded: false }));
    expect(await surveyInstances(host.core)).toEqual({
      instances: [{ id: GUEST_UUID, name: 'guest', state: 'shelved' }],
      shelved: [{ id: GUEST_UUID, name: 'guest', state: 'shelved' }],
    });
    await host.fakes.hypervisor.startDomain(GUEST_UUID);
    expect((await surveyInstances(host.core)).instances).toMatchObject([{ state: 'active' }]);
  });

  it('do not hold what another host of the store shelved', async () => {
    await runToEnd(host.core, shelveInstance, shelveRequest({ isOffloaded: true }));
    expect(await surveyInstances(host.core)).toMatchObject({
      instances: [],
      shelved: [{ state: 'shelved_offloaded' }],
    });
    const other = makeShelfHost({ hostName: 'host-b', storage: host.storage });
    expect(await surveyInstances(other.core)).toEqual({ instances: [], shelved: [] });
    other.dispose();
  });

  it('are told although the store cannot be read', async () => {
    host.shelf.failOn('list', new DarkroomError('STORE_UNUSABLE', 'it is away'));
    expect(await surveyInstances(host.core)).toMatchObject({ instances: [{ state: 'active' }], shelved: null });
  });
});

describe('the overlays of a host', () => {
  let host: CaptureHost;
  beforeEach(() => {
    host = makeCaptureHost();
  });
  afterEach(() => host.dispose());

  it('are those of a capture while it goes on, with what they take', async () => {
    const seen: unknown[] = [];
    host.hypervisor.before('startActiveCommit', async () => {
      seen.push(...(await surveyOverlays(host.core)));
    });
    const { id } = await host.capture(captureRequest());
    const sizeBytes = expect.any(Number);
    const shared = { operationId: id, instanceId: host.domain.uuid, instanceName: 'guest', sizeBytes };
    expect(seen.slice(0, 2)).toEqual([
      { ...shared, target: 'vda' },
      { ...shared, target: 'vdb' },
    ]);
    expect(await surveyOverlays(host.core)).toEqual([]);
  });

  it('are told by what is allocated, not by their length', async () => {
    let sizeBytes = -1;
    host.hypervisor.before('startActiveCommit', async () => {
      const [plan] = await host.core.journal.list({ isUnsettled: true });
      const overlay = /[^"]*vda\.qcow2\.[^"]*overlay\.qcow2/.exec(JSON.stringify(plan))?.[0] ?? '';
      writeFileSync(overlay, 'x'.repeat(10_000));
      truncateSync(overlay, 2 ** 30);
      sizeBytes = (await surveyOverlays(host.core))[0]?.sizeBytes ?? -1;
    });
    await host.capture();
    expect(sizeBytes).toBeGreaterThan(0);
    expect(sizeBytes).toBeLessThan(1_000_000);
  });
});

it('measures the store and what must stay free in it', async () => {
  const host = makeShelfHost({ settings: { reserveBytes: 5 } });
  expect(await measureStore(host.core)).toEqual({ freeBytes: expect.any(Number), reserveBytes: 5 });
  host.dispose();
});

describe('the images of a store', () => {
  const id = (number: number): string => `3f1c1d5e-5a6b-4c7d-8e9f-00000000000${number}`;
  const backup = (createdAt: string, instance_uuid: string) => ({
    createdAt,
    properties: { image_type: 'backup', instance_uuid },
  });

  it('are counted by status and type, and those that cannot be read by themselves', async () => {
    const store = createFakeImageStore();
    await publishImage(store, makeImage(id(1)));
    await publishImage(store, makeImage(id(2)));
    await publishImage(store, makeImage(id(3), { status: 'error', properties: { image_type: 'imported' } }));
    await publishImage(store, makeImage(id(4)));
    store.breakImage(id(4), 'its manifest is not JSON');
    expect(await surveyImages(createImageCore({ store }))).toEqual({
      counts: expect.arrayContaining([
        { status: 'active', type: 'snapshot', count: 2 },
        { status: 'error', type: 'imported', count: 1 },
      ]),
      damaged: 1,
      sizeBytes: 3 * 14,
      backups: [],
    });
    store.dispose();
  });

  it('tell of the newest good backup of each instance', async () => {
    const store = createFakeImageStore();
    await publishImage(store, makeImage(id(1), backup('2024-01-01T00:00:00.000Z', 'web')));
    await publishImage(store, makeImage(id(2), backup('2024-02-01T00:00:00.000Z', 'web')));
    await publishImage(store, makeImage(id(3), { ...backup('2024-03-01T00:00:00.000Z', 'web'), status: 'error' }));
    await publishImage(store, makeImage(id(4), backup('2024-01-15T00:00:00.000Z', 'mail')));
    const { backups } = await surveyImages(createImageCore({ store }));
    expect(new Map(backups.map(({ instanceId, createdAt }) => [instanceId, createdAt]))).toEqual(
      new Map([
        ['web', '2024-02-01T00:00:00.000Z'],
        ['mail', '2024-01-15T00:00:00.000Z'],
      ]),
    );
    store.dispose();
  });
});
