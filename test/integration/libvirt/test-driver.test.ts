import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHypervisor } from '../../../src/drivers/libvirt/create-hypervisor.ts';
import type { Hypervisor } from '../../../src/model/ports/hypervisor.ts';

const UUID = '9b6f1e60-6f0e-4c57-9d0a-6d2f0c5f7a01';
const XML = `<domain type='test'><name>dr-lv-one</name><uuid>${UUID}</uuid><memory unit='MiB'>64</memory><vcpu>2</vcpu>
  <os><type>hvm</type></os></domain>`;
const numberedXml = (number: number): string =>
  XML.replace(UUID, `9b6f1e60-6f0e-4c57-9d0a-${String(number).padStart(12, '0')}`).replace('one', `numbered-${number}`);
const NOBODY = '00000000-0000-4000-8000-000000000000';

let hypervisor: Hypervisor;

beforeEach(async () => {
  hypervisor = createHypervisor({ uri: 'test:///default' });
  await hypervisor.defineDomain(XML);
});

afterEach(async () => {
  await hypervisor[Symbol.asyncDispose]();
});

describe('the libvirt driver on test:///default', () => {
  test('lists the domains with what it knows of them', async () => {
    const domains = await hypervisor.listDomains();

    expect(domains.map((domain) => domain.name).sort()).toEqual(['dr-lv-one', 'test']);
    expect(domains.find((domain) => domain.uuid === UUID)).toEqual({
      uuid: UUID,
      name: 'dr-lv-one',
      powerState: 'shutdown',
      isPersistent: true,
      isAutostart: false,
      hasManagedSave: false,
      vcpus: 2,
      memoryMiB: 64,
    });
  });

  test('tells the same of one domain as of all', async () => {
    const domains = await hypervisor.listDomains();

    for (const domain of domains) expect(await hypervisor.getDomain(domain.uuid)).toEqual(domain);
  });

  test('describes all domains as it lists them one by one, however many there are', async () => {
    for (let number = 0; number < 130; number++) await hypervisor.defineDomain(numberedXml(number));

    // what is asked in one piece first, and in shares when it is known how many there are
    for (const _time of ['first', 'again']) {
      const described = await hypervisor.describeDomains();
      const byUuid = [...described].sort((left, right) => left.info.uuid.localeCompare(right.info.uuid));
      const listed = [...(await hypervisor.listDomains())].sort((left, right) => left.uuid.localeCompare(right.uuid));
      expect(byUuid.map(({ info }) => info)).toEqual(listed);
      expect(byUuid.map(({ description }) => description.uuid)).toEqual(listed.map(({ uuid }) => uuid));
    }
  });

  test('describes a domain anew when its XML has changed', async () => {
    const machine = async () =>
      (await hypervisor.describeDomains()).find(({ info }) => info.uuid === UUID)?.description.memoryMiB;

    expect(await machine()).toBe(64);
    await hypervisor.defineDomain(XML.replace('64</memory>', '96</memory>'));

    expect(await machine()).toBe(96);
  });

  test('defines a domain and returns its UUID, gives its XML, and undefines it', async () => {
    expect(await hypervisor.defineDomain(XML)).toBe(UUID);
    expect(await hypervisor.getDomainXml(UUID, { isInactive: true })).toContain('<name>dr-lv-one</name>');

    await hypervisor.undefineDomain(UUID, { nvram: 'remove', tpm: 'remove' });

    await expect(hypervisor.getDomain(UUID)).rejects.toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
  });

  test('goes through all power states', async () => {
    const powerState = async (): Promise<string> => (await hypervisor.getDomain(UUID)).powerState;

    await hypervisor.startDomain(UUID);
    expect(await powerState()).toBe('running');
    await hypervisor.suspendDomain(UUID);
    expect(await powerState()).toBe('paused');
    await hypervisor.resumeDomain(UUID);
    await hypervisor.rebootDomain(UUID);
    expect(await powerState()).toBe('running');
    await hypervisor.managedSaveDomain(UUID);
    expect(await powerState()).toBe('suspended');
    await hypervisor.startDomain(UUID);
    expect(await powerState()).toBe('running');
    await hypervisor.destroyDomain(UUID);
    expect(await powerState()).toBe('shutdown');
  });

  test('sets and clears autostart', async () => {
    await hypervisor.setAutostart(UUID, { isEnabled: true });
    expect((await hypervisor.getDomain(UUID)).isAutostart).toBe(true);
    await hypervisor.setAutostart(UUID, { isEnabled: false });
    expect((await hypervisor.getDomain(UUID)).isAutostart).toBe(false);
  });

  test('tells versions and capabilities', async () => {
    expect(await hypervisor.versions()).toMatchObject({
      driver: 'TEST',
      libvirt: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
    expect(await hypervisor.offersKvm()).toBe(false);
  });

  test('lists networks and says of an unknown one that it is not there', async () => {
    expect(await hypervisor.listNetworks()).toEqual([{ name: 'default', isActive: true }]);
    await expect(hypervisor.startNetwork('nowhere')).rejects.toMatchObject({ code: 'NETWORK_NOT_FOUND' });
  });

  test('lists the addresses of a running domain', async () => {
    const [running] = (await hypervisor.listDomains()).filter((domain) => domain.powerState === 'running');
    const addresses = await hypervisor.listInterfaceAddresses(running?.uuid ?? '', 'lease');

    for (const address of addresses) {
      expect(address).toEqual({
        mac: expect.any(String),
        address: expect.any(String),
        prefix: expect.any(Number),
        source: 'lease',
      });
    }
  });

  test.each([
    ['a UUID that nobody has', (h: Hypervisor) => h.getDomain(NOBODY), 'INSTANCE_NOT_FOUND', 42],
    ['XML that is not well-formed', (h: Hypervisor) => h.defineDomain('<domain'), 'LIBVIRT_FAILED', 35],
    [
      'a paused start, which this driver lacks',
      (h: Hypervisor) => h.startDomain(UUID, { isPaused: true }),
      'LIBVIRT_FAILED',
      8,
    ],
    [
      'a transient domain, which this driver lacks',
      (h: Hypervisor) => h.createTransientDomain(XML),
      'LIBVIRT_FAILED',
      8,
    ],
    ['a stop of what does not run', (h: Hypervisor) => h.destroyDomain(UUID), 'LIBVIRT_FAILED', 55],
    [
      'a block commit',
      (h: Hypervisor) =>
        h.startActiveCommit(UUID, { target: 'vda', base: '/b', top: '/t', bandwidthBytesPerSecond: 0 }),
      'LIBVIRT_FAILED',
      3,
    ],
    ['a disk snapshot', (h: Hypervisor) => h.createDiskSnapshot(UUID, '<domainsnapshot/>'), 'LIBVIRT_FAILED', 8],
    ['a look at a block job', (h: Hypervisor) => h.getBlockJob(UUID, 'vda'), 'LIBVIRT_FAILED', 3],
  ])("answers %s with its error code and libvirt's own", async (_title, call, code, libvirtCode) => {
    await expect(call(hypervisor)).rejects.toMatchObject({ code, fields: { libvirtCode } });
  });

  test('reports lifecycle events in order', async () => {
    const events: string[] = [];
    await new Promise<void>((resolve) => {
      hypervisor.subscribe((event) => {
        if (event.kind === 'lifecycle') events.push(`${event.event} ${event.uuid}`);
        if (event.kind === 'connection' && event.isConnected) resolve();
      });
    });

    await hypervisor.startDomain(UUID);
    await hypervisor.suspendDomain(UUID);
    await hypervisor.destroyDomain(UUID);

    await expect.poll(() => events).toEqual([`started ${UUID}`, `suspended ${UUID}`, `stopped ${UUID}`]);
  });

  test('calls no listener that has unsubscribed', async () => {
    const seen: string[] = [];
    const unsubscribe = hypervisor.subscribe(() => seen.push('first'));
    const connected = new Promise<void>((resolve) => {
      hypervisor.subscribe((event) => event.kind === 'connection' && event.isConnected && resolve());
    });
    unsubscribe();
    await connected;

    expect(seen).toEqual([]);
  });

  test('refuses calls after it was disposed of', async () => {
    await hypervisor[Symbol.asyncDispose]();

    await expect(hypervisor.listDomains()).rejects.toThrow('disposed');
  });
});
