import { execFile } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createHypervisor } from '../../../src/drivers/libvirt/create-hypervisor.ts';
import type { Hypervisor, HypervisorEvent } from '../../../src/model/ports/hypervisor.ts';
import { makeBareGuest, type QemuGuest } from './qemu-guest.ts';

const run = promisify(execFile);

let hypervisor: Hypervisor;
let guest: QemuGuest;
let events: HypervisorEvent[] = [];

beforeAll(async () => {
  hypervisor = createHypervisor({ uri: 'qemu:///system' });
  guest = await makeBareGuest();
  await new Promise<void>((resolve) => {
    hypervisor.subscribe((event) => {
      if (event.kind === 'connection' && event.isConnected) resolve();
      else if ('uuid' in event && event.uuid === guest.uuid) events.push(event);
    });
  });
  await hypervisor.defineDomain(guest.xml);
});

beforeEach(() => {
  events = [];
});

// where a test failed, the next one finds the domain as it should
afterEach(async () => {
  await hypervisor.destroyDomain(guest.uuid).catch(() => {});
  await hypervisor.defineDomain(guest.xml);
});

afterAll(async () => {
  await hypervisor[Symbol.asyncDispose]();
  await guest[Symbol.asyncDispose]();
});

const powerState = async (): Promise<string> => (await hypervisor.getDomain(guest.uuid)).powerState;

describe('the libvirt driver on qemu:///system', () => {
  test('lists the domain as it is', async () => {
    const domains = await hypervisor.listDomains();

    expect(domains.find(({ uuid }) => uuid === guest.uuid)).toEqual({
      uuid: guest.uuid,
      name: guest.name,
      powerState: 'shutdown',
      isPersistent: true,
      isAutostart: false,
      hasManagedSave: false,
      vcpus: 1,
      memoryMiB: 64,
    });
  });

  test('goes through all power states, suspended ones too', async () => {
    await hypervisor.startDomain(guest.uuid, { isPaused: true });
    expect(await powerState()).toBe('paused');
    await hypervisor.resumeDomain(guest.uuid);
    expect(await powerState()).toBe('running');
    await hypervisor.suspendDomain(guest.uuid);
    expect(await powerState()).toBe('paused');
    await hypervisor.managedSaveDomain(guest.uuid);
    expect(await powerState()).toBe('suspended');
    expect((await hypervisor.listDomains()).find(({ uuid }) => uuid === guest.uuid)?.powerState).toBe('suspended');
    await hypervisor.startDomain(guest.uuid);
    expect(await powerState()).toBe('paused');
    await hypervisor.destroyDomain(guest.uuid);
    expect(await powerState()).toBe('shutdown');
    await expect.poll(() => events.at(-1)).toMatchObject({ kind: 'lifecycle', event: 'stopped' });
  });

  test('switches a disk to its overlay and commits it back, with a job that becomes ready and its events', async () => {
    const overlay = `${guest.disk}.overlay`;
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', guest.disk, '-F', 'qcow2', overlay]);
    await chmod(overlay, 0o666);
    await hypervisor.startDomain(guest.uuid);
    expect(await hypervisor.getBlockJob(guest.uuid, 'vda')).toBeNull();

    await hypervisor.createDiskSnapshot(
      guest.uuid,
      `<domainsnapshot><disks><disk name='vda' snapshot='external' type='file'><driver type='qcow2'/>
        <source file='${overlay}'/></disk></disks></domainsnapshot>`,
    );
    expect(await hypervisor.getDomainXml(guest.uuid)).toContain(`<source file='${overlay}'`);
    expect(await hypervisor.countInternalSnapshots(guest.uuid)).toBe(0);

    const commit = { target: 'vda', base: guest.disk, top: overlay, bandwidthBytesPerSecond: 0 };
    await hypervisor.startActiveCommit(guest.uuid, commit);
    await expect
      .poll(() => hypervisor.getBlockJob(guest.uuid, 'vda'))
      .toMatchObject({
        type: 'active-commit',
        isReady: true,
      });
    await hypervisor.pivotBlockJob(guest.uuid, 'vda');

    expect(await hypervisor.getBlockJob(guest.uuid, 'vda')).toBeNull();
    expect(await hypervisor.getDomainXml(guest.uuid)).not.toContain(overlay);
    await expect
      .poll(() => events.flatMap((event) => (event.kind === 'block-job' ? [`${event.disk} ${event.status}`] : [])))
      .toEqual(['vda ready', 'vda completed']);
    await hypervisor.destroyDomain(guest.uuid);
  });

  test('lifts the limit of a commit that runs', async () => {
    const overlay = `${guest.disk}.slow-overlay`;
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', guest.disk, '-F', 'qcow2', overlay]);
    // QEMU takes up to 16 MiB before the limit holds it
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write 0 64M', overlay]);
    await chmod(overlay, 0o666);
    await hypervisor.startDomain(guest.uuid);
    await hypervisor.createDiskSnapshot(
      guest.uuid,
      `<domainsnapshot><disks><disk name='vda' snapshot='external' type='file'><driver type='qcow2'/>
        <source file='${overlay}'/></disk></disks></domainsnapshot>`,
    );
    const commit = { target: 'vda', base: guest.disk, top: overlay, bandwidthBytesPerSecond: 10_000 };
    await hypervisor.startActiveCommit(guest.uuid, commit);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await hypervisor.getBlockJob(guest.uuid, 'vda')).toMatchObject({ isReady: false });

    await hypervisor.setBlockJobSpeed(guest.uuid, 'vda', 0);
    await expect
      .poll(() => hypervisor.getBlockJob(guest.uuid, 'vda'), { timeout: 30_000 })
      .toMatchObject({ isReady: true });
    await hypervisor.pivotBlockJob(guest.uuid, 'vda');
    await expect(hypervisor.setBlockJobSpeed(guest.uuid, 'vda', 0)).rejects.toMatchObject({ code: 'LIBVIRT_FAILED' });
    await hypervisor.destroyDomain(guest.uuid);
    await hypervisor.defineDomain(guest.xml);
  });

  test('ends a commit that is not wanted any more, and the disk stays on its overlay', async () => {
    const overlay = `${guest.disk}.second-overlay`;
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', guest.disk, '-F', 'qcow2', overlay]);
    await chmod(overlay, 0o666);
    await hypervisor.startDomain(guest.uuid);
    await hypervisor.createDiskSnapshot(
      guest.uuid,
      `<domainsnapshot><disks><disk name='vda' snapshot='external' type='file'><driver type='qcow2'/>
        <source file='${overlay}'/></disk></disks></domainsnapshot>`,
    );
    const commit = { target: 'vda', base: guest.disk, top: overlay, bandwidthBytesPerSecond: 1_000_000 };
    await hypervisor.startActiveCommit(guest.uuid, commit);
    await hypervisor.abortBlockJob(guest.uuid, 'vda');

    expect(await hypervisor.getBlockJob(guest.uuid, 'vda')).toBeNull();
    expect(await hypervisor.getDomainXml(guest.uuid)).toContain(`<source file='${overlay}'`);
    await hypervisor.destroyDomain(guest.uuid);
    await hypervisor.defineDomain(guest.xml);
  });

  test('says of a domain that does not run that it has no agent and cannot be frozen', async () => {
    expect(await hypervisor.probeAgent(guest.uuid, { timeoutMs: 1000 })).toBe('absent');
    await expect(hypervisor.freezeFileSystems(guest.uuid, { timeoutMs: 1000 })).rejects.toMatchObject({
      code: 'QUIESCE_UNAVAILABLE',
    });
  });

  test('says of a guest in which nothing has opened the channel that it has no agent', async () => {
    await hypervisor.startDomain(guest.uuid);

    expect(await hypervisor.probeAgent(guest.uuid, { timeoutMs: 1000 })).toBe('absent');
    await expect(hypervisor.freezeFileSystems(guest.uuid, { timeoutMs: 1000 })).rejects.toMatchObject({
      code: 'QUIESCE_UNAVAILABLE',
      fields: { libvirtCode: 86 },
    });
    await hypervisor.destroyDomain(guest.uuid);
  });

  test('destroys a transient domain with the hypervisor that started it', async () => {
    const owner = createHypervisor({ uri: 'qemu:///system' });
    const transient = await makeBareGuest();
    await owner.createTransientDomain(transient.xml);
    expect(await hypervisor.getDomain(transient.uuid)).toMatchObject({ powerState: 'running', isPersistent: false });

    await owner[Symbol.asyncDispose]();

    await expect
      .poll(() => hypervisor.getDomain(transient.uuid).catch((error: { code: string }) => error.code))
      .toBe('INSTANCE_NOT_FOUND');
    await transient[Symbol.asyncDispose]();
  });

  test('undefines a domain with its managed save', async () => {
    const other = await makeBareGuest();
    await hypervisor.defineDomain(other.xml);
    await hypervisor.startDomain(other.uuid);
    await hypervisor.managedSaveDomain(other.uuid);

    await hypervisor.undefineDomain(other.uuid, { nvram: 'keep', tpm: 'keep' });

    await expect(hypervisor.getDomain(other.uuid)).rejects.toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
    await other[Symbol.asyncDispose]();
  });

  test('names versions and the networks', async () => {
    expect(await hypervisor.versions()).toMatchObject({ driver: 'QEMU' });
    expect(await hypervisor.offersKvm()).toBeTypeOf('boolean');
    expect(await hypervisor.listNetworks()).toContainEqual({ name: 'default', isActive: expect.any(Boolean) });
  });
});
