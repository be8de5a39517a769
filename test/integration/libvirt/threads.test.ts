import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHypervisor } from '../../../src/drivers/libvirt/create-hypervisor.ts';
import { CallPool } from '../../../src/drivers/libvirt/threads/call-pool.ts';
import type { Hypervisor, HypervisorEvent } from '../../../src/model/ports/hypervisor.ts';
import { waitUntil } from '../../e2e/support/wait-until.ts';
import { LibvirtProxy } from './libvirt-proxy.ts';

const NOBODY = '00000000-0000-4000-8000-000000000000';

let proxy: LibvirtProxy;
let hypervisor: Hypervisor;

beforeEach(async () => {
  proxy = await LibvirtProxy.start();
  hypervisor = createHypervisor({ uri: proxy.uri });
});

afterEach(async () => {
  // a call that a failed test left blocked ends with its connection
  proxy.cut();
  await hypervisor[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

describe('call threads against libvirtd', () => {
  test('a call that fails while another is blocked gets its own error, and the blocked one its own answer', async () => {
    await hypervisor.listNetworks();
    proxy.holdAnswers();
    let isAnswered = false;
    const blocked = hypervisor.listNetworks().finally(() => {
      isAnswered = true;
    });

    await expect(hypervisor.getDomain(NOBODY)).rejects.toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
    await expect(hypervisor.defineDomain('<domain')).rejects.toMatchObject({
      code: 'LIBVIRT_FAILED',
      fields: { libvirtCode: 35 },
    });
    expect(isAnswered).toBe(false);

    proxy.releaseAnswers();
    await expect(blocked).resolves.toBeInstanceOf(Array);
  });

  test('a failure and another failure at the same time do not swap their errors', async () => {
    const failures = Array.from({ length: 40 }, (_unused, index) =>
      index % 2 === 0
        ? expect(hypervisor.getDomain(NOBODY)).rejects.toMatchObject({ code: 'INSTANCE_NOT_FOUND' })
        : expect(hypervisor.defineDomain(`<x${index}/>`)).rejects.toThrow(`x${index}`),
    );

    await Promise.all(failures);
  });

  test('sixteen blocked calls do not hold up a thaw', async () => {
    const blocked = await blockCalls(16);

    await expect(hypervisor.thawFileSystems(NOBODY, { timeoutMs: 1000 })).rejects.toMatchObject({
      code: 'INSTANCE_NOT_FOUND',
    });

    proxy.releaseAnswers();
    await Promise.all(blocked);
  });

  test('sixteen blocked calls do not hold up a list', async () => {
    const blocked = await blockCalls(16);

    await expect(hypervisor.describeDomains()).resolves.toBeInstanceOf(Array);

    proxy.releaseAnswers();
    await Promise.all(blocked);
  });

  test('a seventeenth call waits for a free thread and is then made', async () => {
    const blocked = await blockCalls(16);
    const waiting = hypervisor.listNetworks();
    expect(await Promise.race([waiting, pause(300)])).toBe('paused');
    proxy.releaseAnswers();

    await expect(waiting).resolves.toBeInstanceOf(Array);
    await Promise.all(blocked);
  });

  test('a call fails with LIBVIRT_UNREACHABLE when its connection is lost, and the next one connects again', async () => {
    await hypervisor.listNetworks();
    proxy.holdAnswers();
    const asked = proxy.asked;
    const blocked = hypervisor.listNetworks();
    const failure = expect(blocked).rejects.toMatchObject({ code: 'LIBVIRT_UNREACHABLE' });
    await expect.poll(() => proxy.asked).toBeGreaterThan(asked);
    proxy.cut();
    await failure;

    await expect(hypervisor.listNetworks()).resolves.toBeInstanceOf(Array);
  });

  test('says that libvirt is not reachable while it is down', async () => {
    await hypervisor.listNetworks();
    await proxy.stop();

    await expect(hypervisor.listNetworks()).rejects.toMatchObject({ code: 'LIBVIRT_UNREACHABLE' });
    await expect(hypervisor.listNetworks()).rejects.toMatchObject({ code: 'LIBVIRT_UNREACHABLE' });
    await proxy.listen();
    await expect(hypervisor.listNetworks()).resolves.toBeInstanceOf(Array);
  });

  test('a connection lost while idle is opened again without a failing call', async () => {
    await hypervisor.listNetworks();
    proxy.cut();
    await pause(1_100);

    await expect(hypervisor.listNetworks()).resolves.toBeInstanceOf(Array);
  });

  test('threads beyond the fourth end when they are idle, and give their connections back', async () => {
    await Promise.all(Array.from({ length: 12 }, () => hypervisor.listNetworks()));

    await expect.poll(() => proxy.connections, { timeout: 20_000 }).toBeLessThanOrEqual(4);
  });

  test('dispose gives all connections back', async () => {
    await Promise.all(Array.from({ length: 8 }, () => hypervisor.listNetworks()));
    const connected = nextConnection(hypervisor, true);
    await connected;
    await hypervisor[Symbol.asyncDispose]();

    await expect.poll(() => proxy.connections).toBe(0);
  });

  test('tells when the connection for events is lost and when it is back', async () => {
    await nextConnection(hypervisor, true);
    const lost = nextConnection(hypervisor, false);
    const back = nextConnection(hypervisor, true);
    await proxy.stop();
    await lost;
    await proxy.listen();
    await back;
  });

  test('connections opened while the event loop runs end their sockets when they are closed', async () => {
    await nextConnection(hypervisor, true);
    await Promise.all(Array.from({ length: 12 }, () => hypervisor.listNetworks()));

    await expect.poll(() => proxy.connections, { timeout: 20_000 }).toBeLessThanOrEqual(5);
  });
});

/** Resolves at the next connection event of that kind. */
function nextConnection(of: Hypervisor, isConnected: boolean): Promise<HypervisorEvent> {
  return new Promise((resolve) => {
    const unsubscribe = of.subscribe((event) => {
      if (event.kind !== 'connection' || event.isConnected !== isConnected) return;
      unsubscribe();
      resolve(event);
    });
  });
}

/** Starts calls of which none is answered until releaseAnswers; later ones on new connections are. */
async function blockCalls(count: number): Promise<Promise<unknown>[]> {
  proxy.holdAnswers({ alsoToNew: true });
  const blocked = Array.from({ length: count }, () => hypervisor.listDomains());
  await expect.poll(() => proxy.connections, { timeout: 10_000 }).toBe(count);
  proxy.serveNew();
  return blocked;
}

function pause(ms: number): Promise<'paused'> {
  return new Promise((resolve) => setTimeout(resolve, ms, 'paused'));
}

describe('a pool of call threads', () => {
  test('a burst of short calls starts no thread for each of them', async () => {
    const pool = new CallPool({ uri: proxy.uri, maxThreads: 16, idleThreads: 2 });
    await Promise.all(Array.from({ length: 2 }, () => pool.call('hostVersions', undefined)));

    await Promise.all(Array.from({ length: 40 }, () => pool.call('hostVersions', undefined)));

    expect(proxy.connections).toBeLessThan(12);
    await pool.close();
  });

  test('keeps its threads for the moment, and one of them when nothing is asked for a while', async () => {
    const pool = new CallPool({ uri: proxy.uri, maxThreads: 4, idleThreads: 4, restAfterMs: 2_000 });
    await Promise.all(Array.from({ length: 4 }, () => pool.call('hostVersions', undefined)));
    expect(proxy.connections).toBe(4);
    const isAtRest = async () => proxy.connections === 1;
    await waitUntil('one thread is left', isAtRest, { timeoutMs: 30_000 });
    await pool.call('hostVersions', undefined);
    expect(proxy.connections).toBe(1);
    await pool.close();
  });
});
