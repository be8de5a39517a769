import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createHypervisor } from '../../../src/drivers/libvirt/create-hypervisor.ts';
import type { Hypervisor, HypervisorEvent } from '../../../src/model/ports/hypervisor.ts';
import { makeTinyGuest, type QemuGuest, runInGuest } from './qemu-guest.ts';

const LIMIT = { timeoutMs: 2_000 };
/** Where the guest is to answer, however busy the machine is. */
const PATIENT = { timeoutMs: 20_000 };

let hypervisor: Hypervisor;
let guest: QemuGuest;
const events: HypervisorEvent[] = [];

beforeAll(async () => {
  hypervisor = createHypervisor({ uri: 'qemu:///system' });
  guest = await makeTinyGuest();
  hypervisor.subscribe((event) => {
    if (event.kind === 'agent' && event.uuid === guest.uuid) events.push(event);
  });
  await hypervisor.defineDomain(guest.xml);
  await hypervisor.startDomain(guest.uuid);
  await vi.waitFor(async () => expect(await probe(LIMIT)).toBe('answering'), { timeout: 120_000, interval: 500 });
});

afterAll(async () => {
  await hypervisor[Symbol.asyncDispose]();
  await guest[Symbol.asyncDispose]();
});

const probe = (limit = PATIENT): Promise<string> => hypervisor.probeAgent(guest.uuid, limit);

describe('a guest with its agent', () => {
  test('reports the agent when it connects', () => {
    expect(events).toContainEqual({ kind: 'agent', uuid: guest.uuid, isConnected: true });
  });

  test('is frozen and thawed, and is seen to be frozen in between', async () => {
    expect(await hypervisor.freezeFileSystems(guest.uuid, PATIENT)).toBe(1);
    try {
      expect(await probe()).toBe('frozen');
      await expect(hypervisor.freezeFileSystems(guest.uuid, PATIENT)).rejects.toMatchObject({
        code: 'INSTANCE_FROZEN',
      });
    } finally {
      expect(await hypervisor.thawFileSystems(guest.uuid, PATIENT)).toBe(1);
    }
    expect(await probe()).toBe('answering');
    expect(await hypervisor.thawFileSystems(guest.uuid, PATIENT)).toBe(0);
  });

  test('tells its addresses, without loopback', async () => {
    await expect
      .poll(() => hypervisor.listInterfaceAddresses(guest.uuid, 'agent'), { timeout: 30_000 })
      .toContainEqual({ mac: '52:54:00:6c:76:01', address: '10.0.2.15', prefix: 24, source: 'agent' });
    const addresses = await hypervisor.listInterfaceAddresses(guest.uuid, 'agent');
    expect(addresses.map(({ address }) => address)).not.toContain('127.0.0.1');
  });

  test('cannot be frozen while its agent hangs; other calls go on, the limit holds, and it answers again later', async () => {
    await runInGuest(guest, 'sleep 1; kill -STOP $(pidof qemu-ga); sleep 15; kill -CONT $(pidof qemu-ga)');
    await expect.poll(() => probe(LIMIT), { interval: 200 }).toBe('hung');

    const started = performance.now();
    let isOver = false;
    const freeze = hypervisor
      .freezeFileSystems(guest.uuid, LIMIT)
      .catch((error: unknown) => error)
      .finally(() => {
        isOver = true;
      });
    await expect(hypervisor.getDomain('00000000-0000-4000-8000-000000000000')).rejects.toMatchObject({
      code: 'INSTANCE_NOT_FOUND',
    });
    expect(isOver, 'the freeze was waited for').toBe(false);
    expect(await freeze).toMatchObject({ code: 'AGENT_UNRESPONSIVE' });
    expect(performance.now() - started).toBeLessThan(6_000);

    await expect.poll(() => probe(LIMIT), { interval: 500, timeout: 60_000 }).not.toBe('hung');
    await hypervisor.thawFileSystems(guest.uuid, PATIENT);
    expect(await probe()).toBe('answering');
  });

  test('has no agent that answers while it is paused', async () => {
    await hypervisor.suspendDomain(guest.uuid);
    try {
      expect(await probe()).toBe('absent');
    } finally {
      await hypervisor.resumeDomain(guest.uuid);
    }
  });
});
