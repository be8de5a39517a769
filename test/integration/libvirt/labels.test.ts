import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createHypervisor } from '../../../src/drivers/libvirt/create-hypervisor.ts';
import { describeDomain } from '../../../src/model/domain-xml/describe-domain.ts';
import type { Labels } from '../../../src/model/labels.ts';
import type { Hypervisor, HypervisorEvent } from '../../../src/model/ports/hypervisor.ts';
import { listInstances } from '../../../src/operations/list-instances.ts';
import { setLabels } from '../../../src/operations/set-labels.ts';
import { createImageCore } from '../../support/image-core.ts';
import { makeBareGuest, type QemuGuest } from './qemu-guest.ts';

const UUID = '9b6f1e60-6f0e-4c57-9d0a-6d2f0c5f7a02';
const NOTES = `<title>ours</title><metadata><mine:note xmlns:mine='urn:mine' keep='this'/>
  <darkroom:instance xmlns:darkroom='urn:darkroom:instance:1' image='i' owner='ann'/></metadata>`;
const LABELS = { env: 'prod', 'example.org/team': 'shop-1_a' };

let hypervisor: Hypervisor;
let uuid: string;

async function labelsIn(options: { readonly isInactive: boolean }): Promise<Labels> {
  return describeDomain(await hypervisor.getDomainXml(uuid, options)).labels;
}

async function listedLabels(): Promise<Labels | undefined> {
  return (await hypervisor.describeDomains()).find(({ info }) => info.uuid === uuid)?.description.labels;
}

function listen(): Promise<HypervisorEvent[]> {
  const events: HypervisorEvent[] = [];
  return new Promise((resolve) => {
    hypervisor.subscribe((event) => {
      if (event.kind === 'connection' && event.isConnected) resolve(events);
      else if ('uuid' in event && event.uuid === uuid) events.push(event);
    });
  });
}

describe('labels on test:///default', () => {
  beforeAll(async () => {
    hypervisor = createHypervisor({ uri: 'test:///default' });
    uuid = UUID;
    await hypervisor.defineDomain(`<domain type='test'><name>dr-lb-one</name><uuid>${UUID}</uuid>${NOTES}
      <memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>`);
  });

  afterAll(async () => {
    await hypervisor[Symbol.asyncDispose]();
  });

  test('are set, replaced and taken away, and nothing else in the metadata changes', async () => {
    await hypervisor.setLabels(uuid, LABELS);
    expect(await labelsIn({ isInactive: true })).toEqual(LABELS);
    await hypervisor.setLabels(uuid, { env: 'test' });
    expect(await labelsIn({ isInactive: true })).toEqual({ env: 'test' });
    await hypervisor.setLabels(uuid, {});
    expect(await labelsIn({ isInactive: true })).toEqual({});

    const xml = await hypervisor.getDomainXml(uuid);
    expect(xml).toContain('<title>ours</title>');
    expect(xml).toContain('keep="this"');
    expect(xml).not.toContain('urn:darkroom:labels:1');
    expect(describeDomain(xml)).toMatchObject({ imageId: 'i', owner: 'ann' });
  });

  test('are seen by the next list', async () => {
    await hypervisor.setLabels(uuid, { env: 'one' });
    expect(await listedLabels()).toEqual({ env: 'one' });
    await hypervisor.setLabels(uuid, { env: 'two' });
    expect(await listedLabels()).toEqual({ env: 'two' });
  });

  test('that change are an event, which tells of no change of its life', async () => {
    const events = await listen();
    await hypervisor.setLabels(uuid, { env: 'three' });
    await expect.poll(() => events).toEqual([{ kind: 'metadata', uuid }]);
  });

  test('of an unknown domain are INSTANCE_NOT_FOUND', async () => {
    const nobody = '00000000-0000-4000-8000-000000000000';
    await expect(hypervisor.setLabels(nobody, LABELS)).rejects.toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
  });
});

describe('labels on qemu:///system', () => {
  let guest: QemuGuest;

  beforeAll(async () => {
    hypervisor = createHypervisor({ uri: 'qemu:///system' });
    guest = await makeBareGuest();
    uuid = guest.uuid;
  });

  beforeEach(async () => {
    await hypervisor.defineDomain(guest.xml.replace('<memory', `${NOTES}<memory`));
  });

  afterAll(async () => {
    await hypervisor[Symbol.asyncDispose]();
    await guest[Symbol.asyncDispose]();
  });

  test('are kept when the definition goes and comes back, as a shelve and a capture take it', async () => {
    await hypervisor.setLabels(uuid, LABELS);
    const xml = await hypervisor.getDomainXml(uuid, { isInactive: true, isSecure: true });
    await hypervisor.undefineDomain(uuid, { nvram: 'keep', tpm: 'keep' });
    await hypervisor.defineDomain(xml);

    expect(await listedLabels()).toEqual(LABELS);
    expect(describeDomain(await hypervisor.getDomainXml(uuid))).toMatchObject({ imageId: 'i', owner: 'ann' });
  });

  test('of a running domain are set in what runs and in what is defined', async () => {
    await hypervisor.startDomain(uuid, { isPaused: true });
    const events = await listen();
    await hypervisor.setLabels(uuid, LABELS);

    expect(await labelsIn({ isInactive: false })).toEqual(LABELS);
    expect(await labelsIn({ isInactive: true })).toEqual(LABELS);
    await expect.poll(() => events.map(({ kind }) => kind)).toContain('metadata');
    await hypervisor.destroyDomain(uuid);
    expect(await listedLabels()).toEqual(LABELS);
  });

  test('of a transient domain are set in what runs', async () => {
    await hypervisor.undefineDomain(uuid, { nvram: 'keep', tpm: 'keep' });
    await hypervisor.createTransientDomain(guest.xml);
    await hypervisor.setLabels(uuid, LABELS);

    expect(await listedLabels()).toEqual(LABELS);
    await hypervisor.destroyDomain(uuid);
  });

  test('of a suspended instance are there when it goes on', async () => {
    const core = createImageCore({ hypervisor });
    await setLabels(core, uuid, { env: 'before' });
    await hypervisor.startDomain(uuid, { isPaused: true });
    await hypervisor.managedSaveDomain(uuid);

    expect(await setLabels(core, uuid, { env: 'after', team: 'shop' })).toMatchObject({
      state: 'suspended',
      labels: { env: 'after', team: 'shop' },
    });
    await hypervisor.startDomain(uuid);
    expect(await labelsIn({ isInactive: false })).toEqual({ env: 'after', team: 'shop' });
    await hypervisor.destroyDomain(uuid);
  });

  test('as many and as long as may be fit beside the memory of a suspended instance, and are found by the list', async () => {
    const core = createImageCore({ hypervisor });
    await hypervisor.startDomain(uuid, { isPaused: true });
    await hypervisor.managedSaveDomain(uuid);
    const many = Object.fromEntries(
      Array.from({ length: 64 }, (_, index) => [`${index}`.padStart(63, 'k'), 'v'.repeat(63)]),
    );

    await setLabels(core, uuid, many);
    await hypervisor.startDomain(uuid);
    expect(await listedLabels()).toEqual(many);
    const labels = { ['63'.padStart(63, 'k')]: 'v'.repeat(63) };
    expect((await listInstances(core, { labels })).map(({ id }) => id)).toEqual([uuid]);
    await hypervisor.destroyDomain(uuid);
  });
});
