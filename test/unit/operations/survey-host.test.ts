import { truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { shelveInstance } from '../../../src/operations/shelve-instance.ts';
import { measureStore, surveyInstances, surveyOverlays } from '../../../src/operations/survey-host.ts';
import { type CaptureHost, captureRequest, makeCaptureHost } from '../../support/capture-host.ts';
import { runToEnd } from '../../support/image-core.ts';
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
