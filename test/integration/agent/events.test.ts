import { afterEach, describe, expect, it, vi } from 'vitest';
import { EventHub } from '../../../src/agent/events/event-hub.ts';
import { EventQueue } from '../../../src/agent/events/event-queue.ts';
import { type Client, createClient } from '../../../src/api/client.ts';
import type { ApiEvent, EventOptions } from '../../../src/api/follow-events.ts';
import { createInjectTransport } from '../../../src/api/inject-transport.ts';
import type { Transport } from '../../../src/api/transport.ts';
import { DarkroomError } from '../../../src/model/errors.ts';
import { createFakeHypervisor } from '../../support/fake-hypervisor.ts';
import { createFakeJournal } from '../../support/fake-journal.ts';
import { type ServedHost, serveHost } from '../../support/served-host.ts';
import { sampleOperation } from '../../unit/agent/samples.ts';

const OWNER = { pid: 1, startTicks: 1, bootId: 'boot' };
const ids = { hosts: '11111111-1111-4111-8111-111111111111', anns: '22222222-2222-4222-8222-222222222222' };

const hosts: ServedHost[] = [];
afterEach(async () => {
  for (const { app } of hosts.splice(0)) await app.close();
});

async function open() {
  const journal = createFakeJournal();
  const hypervisor = createFakeHypervisor();
  const reads = { journal: 0 };
  const counted = {
    ...journal,
    listChanged: async (after: number, limit: number) => {
      reads.journal += 1;
      return await journal.listChanged(after, limit);
    },
  };
  const host = serveHost({ journal: counted, hypervisor });
  hosts.push(host);
  await host.addPrincipal('ann', 'reader');
  await host.addPrincipal('bob', 'reader');
  const begin = (id: string, requestedBy: string) =>
    journal.begin({ ...sampleOperation, id, requestedBy }, { owner: OWNER, plan: null });
  return { host, journal, hypervisor, reads, begin };
}

function clientOf(host: ServedHost, name: string | null, onAnswer: () => void): Client {
  const inject = createInjectTransport(host.app);
  const identity = name === null ? {} : { authorization: `Bearer ${host.tokens.get(name)}` };
  const transport: Transport = {
    send: async (request) => {
      const answer = await inject.send({ ...request, headers: { ...request.headers, ...identity } });
      onAnswer();
      return answer;
    },
  };
  return createClient(transport);
}

/** Reads a stream from now on: its answer begins when nothing will be missed. What it was told so far is in `seen`. */
async function follow(host: ServedHost, name: string | null, options: EventOptions = {}) {
  const seen: ApiEvent[] = [];
  let answer = (): void => undefined;
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const stream = clientOf(host, name, answer).events(options)[Symbol.asyncIterator]();
  const ended = (async () => {
    for (let next = await stream.next(); next.done !== true; next = await stream.next()) seen.push(next.value);
  })().catch((error: unknown) => error);
  await Promise.race([answered, ended]);
  return { seen, ended, told: () => seen.map(summarise) };
}

function summarise(event: ApiEvent): string {
  if (event.type === 'operation') return `${event.operation.id} ${event.operation.step}`;
  return event.type === 'instance' ? `${event.instance.name} ${event.instance.state}` : `gone ${event.id}`;
}

function domainXml(name: string, uuid: string, owner: string | null): string {
  const metadata = `<metadata><d:instance xmlns:d='urn:darkroom:instance:1' image='i' owner='${owner}'/></metadata>`;
  return `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid>${owner === null ? '' : metadata}
    <memory unit='MiB'>256</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os><devices/></domain>`;
}

describe('events of operations', () => {
  it('tells everybody of their own, and an admin of all', async () => {
    const { host, journal, begin } = await open();
    const [ann, bob, root] = [await follow(host, 'ann'), await follow(host, 'bob'), await follow(host, null)];
    await begin('op-a', 'ann');
    await expect.poll(() => root.told()).toEqual(['op-a prepare']);
    await begin('op-b', 'bob');
    await journal.enterStep('op-a', 'copy', null);
    await expect.poll(() => ann.told()).toEqual(['op-a prepare', 'op-a copy']);
    await expect.poll(() => root.told()).toEqual(['op-a prepare', 'op-b prepare', 'op-a copy']);
    expect(bob.told()).toEqual(['op-b prepare']);
  });

  it('goes on after the last event that was seen', async () => {
    const { host, journal, begin } = await open();
    await begin('op-a', 'ann');
    const first = await follow(host, 'ann');
    await journal.enterStep('op-a', 'copy', null);
    await expect.poll(() => first.told()).toEqual(['op-a copy']);
    const lastEventId = first.seen[0]?.lastEventId ?? '';
    await journal.enterStep('op-a', 'commit', null);
    await begin('op-b', 'bob');
    await begin('op-c', 'ann');
    const second = await follow(host, 'ann', { lastEventId });
    await expect.poll(() => second.told()).toEqual(['op-a commit', 'op-c prepare']);
    await journal.enterStep('op-c', 'copy', null);
    await expect.poll(() => second.told()).toEqual(['op-a commit', 'op-c prepare', 'op-c copy']);
  });

  it('catches up with a long history without an end or a gap', async () => {
    const { host, begin } = await open();
    for (let index = 0; index < 900; index += 1) await begin(`op-${index}`, 'ann');
    const reader = await follow(host, 'ann', { lastEventId: '0' });
    await begin('op-last', 'ann');
    await expect.poll(() => reader.seen.length).toBe(901);
    expect(reader.told().at(-1)).toBe('op-last prepare');
  });

  it('begins anew where the id is of a journal that was lost', async () => {
    const { host, begin } = await open();
    await begin('op-a', 'ann');
    const reader = await follow(host, 'ann', { lastEventId: '999999' });
    await begin('op-b', 'ann');
    await expect.poll(() => reader.told()).toEqual(['op-b prepare']);
  });

  it('looks at the journal once for all readers, and not at all for none', async () => {
    const { host, reads } = await open();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(reads.journal).toBe(0);
    const readers = [];
    for (let index = 0; index < 10; index += 1) readers.push(await follow(host, 'ann'));
    const before = reads.journal;
    const began = performance.now();
    await expect.poll(() => reads.journal - before).toBeGreaterThan(2);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, began + 1000 - performance.now())));
    const seconds = (performance.now() - began) / 1000;
    expect((reads.journal - before) / seconds, 'in a second').toBeLessThan(8);
  });

  it.each(['x', '-1', '1.5', '9'.repeat(16)])('refuses the Last-Event-ID %s', async (id) => {
    const { host } = await open();
    const response = await host.app.inject({ url: '/v1/events', headers: { 'last-event-id': id } });
    expect([response.statusCode, response.json().error.code]).toEqual([400, 'INVALID_REQUEST']);
  });

  it.each(['types=', 'types=volume', 'types=operation,', 'type=operation', 'types=operation&types=instance'])(
    'refuses the query %s',
    async (query) => {
      const { host } = await open();
      const response = await host.app.inject({ url: `/v1/events?${query}` });
      expect([response.statusCode, response.json().error.code]).toEqual([400, 'INVALID_REQUEST']);
    },
  );

  it('ends when the agent does', async () => {
    const { host } = await open();
    const reader = await follow(host, 'ann');
    await host.app.close();
    expect(await reader.ended).toMatchObject({ code: 'AGENT_UNREACHABLE' });
  });
});

describe('events of instances', () => {
  it('tells of each as it is, and when it is gone, to those who may see it', async () => {
    const { host, hypervisor } = await open();
    hypervisor.put(domainXml('hosts', ids.hosts, null), { powerState: 'running' });
    hypervisor.put(domainXml('anns', ids.anns, 'ann'), { powerState: 'running' });
    const [ann, bob] = [await follow(host, 'ann'), await follow(host, 'bob', { types: ['instance'] })];
    await hypervisor.suspendDomain(ids.hosts);
    hypervisor.emit({ kind: 'lifecycle', uuid: ids.hosts, event: 'suspended', detail: 0 });
    await hypervisor.suspendDomain(ids.anns);
    hypervisor.emit({ kind: 'lifecycle', uuid: ids.anns, event: 'suspended', detail: 0 });
    await expect.poll(() => ann.told().sort()).toEqual(['anns paused', 'hosts paused']);
    for (const id of [ids.hosts, ids.anns]) {
      hypervisor.domains.delete(id);
      hypervisor.emit({ kind: 'lifecycle', uuid: id, event: 'undefined', detail: 0 });
    }
    await expect
      .poll(() => ann.told().slice(2).sort(), { timeout: 20_000 })
      .toEqual([`gone ${ids.hosts}`, `gone ${ids.anns}`]);
    expect(bob.told()).toEqual(['hosts paused', `gone ${ids.hosts}`]);
  });

  it('tells of labels that changed, once', async () => {
    const { host, hypervisor } = await open();
    hypervisor.put(domainXml('hosts', ids.hosts, null), { powerState: 'running' });
    const root = await follow(host, null);
    await hypervisor.setLabels(ids.hosts, { env: 'prod' });
    await expect.poll(() => root.seen).toMatchObject([{ type: 'instance', instance: { labels: { env: 'prod' } } }]);
    // what somebody else notes there is nothing of ours
    hypervisor.emit({ kind: 'metadata', uuid: ids.hosts });
    await hypervisor.setLabels(ids.hosts, {});
    await expect.poll(() => root.seen.length, { timeout: 20_000 }).toBe(2);
    expect(root.seen[1]).toHaveProperty('instance.labels', {});
  });

  it('finds out what it missed while libvirt was away', async () => {
    const { host, hypervisor } = await open();
    const domain = hypervisor.put(domainXml('hosts', ids.hosts, null), { powerState: 'running' });
    hypervisor.put(domainXml('anns', ids.anns, 'ann'), { powerState: 'running' });
    const root = await follow(host, null);
    hypervisor.emit({ kind: 'connection', isConnected: false });
    domain.powerState = 'paused';
    hypervisor.domains.delete(ids.anns);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(root.told()).toEqual([]);
    hypervisor.emit({ kind: 'connection', isConnected: true });
    await expect.poll(() => root.told()).toEqual(['hosts paused', `gone ${ids.anns}`]);
  });

  it('has only what was asked for', async () => {
    const { host, hypervisor, begin } = await open();
    hypervisor.put(domainXml('hosts', ids.hosts, null), { powerState: 'running' });
    const operations = await follow(host, null, { types: ['operation'] });
    const instances = await follow(host, null, { types: ['instance'] });
    await begin('op-a', 'ann');
    hypervisor.emit({ kind: 'lifecycle', uuid: ids.hosts, event: 'resumed', detail: 0 });
    await expect.poll(() => instances.told()).toEqual(['hosts active']);
    await expect.poll(() => operations.told()).toEqual(['op-a prepare']);
  });

  it('goes on when libvirt could not be asked', async () => {
    const { host, hypervisor } = await open();
    const list = hypervisor.describeDomains.bind(hypervisor);
    hypervisor.describeDomains = () => Promise.reject(new DarkroomError('LIBVIRT_UNREACHABLE', 'down'));
    const root = await follow(host, null, { types: ['instance'] });
    hypervisor.describeDomains = list;
    hypervisor.put(domainXml('hosts', ids.hosts, null), { powerState: 'running' });
    hypervisor.emit({ kind: 'lifecycle', uuid: ids.hosts, event: 'started', detail: 0 });
    await expect.poll(() => root.told(), { timeout: 20_000 }).toEqual(['hosts active']);
    expect(host.lines.some(({ level }) => level === 'warn')).toBe(true);
  });
});

describe('the streams of an agent', () => {
  it('are kept alive every 15 seconds, and end for whom the rights were taken away', async () => {
    const { host } = await open();
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const hub = new EventHub(host.application, { warn: () => undefined });
      const caller = host.application.as({ name: 'ann', role: 'reader', isTrustedWithPaths: false });
      const { queue, leave } = await hub.open(caller, {
        types: new Set(['operation']),
        afterRevision: null,
        onGiveUp: () => undefined,
      });
      const texts: string[] = [];
      const ended = (async () => {
        for await (const text of queue) texts.push(text);
      })();
      await vi.advanceTimersByTimeAsync(16_000);
      expect(texts.join('')).toBe(': keep-alive\n\nid: 0\n\n: keep-alive\n\n');
      await host.application.principals.delete('ann');
      await vi.advanceTimersByTimeAsync(15_000);
      await ended;
      leave();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a queue of events', () => {
  it('tells a reader that does not keep up so, and ends', async () => {
    let givenUp = 0;
    const queue = new EventQueue(() => {
      givenUp += 1;
    });
    for (let index = 0; index < 2000; index += 1) queue.push('x'.repeat(1000));
    const texts: string[] = [];
    for await (const text of queue) texts.push(text);
    expect(givenUp).toBe(1);
    expect(texts).toHaveLength(1);
    expect(texts[0]).toMatch(/^event: error\ndata: {"error":{"code":"TOO_MANY_REQUESTS"/);
  });

  it('gives out what is left when it ends', async () => {
    const queue = new EventQueue(() => undefined);
    queue.push('a');
    queue.end();
    queue.push('b');
    const texts: string[] = [];
    for await (const text of queue) texts.push(text);
    expect(texts).toEqual(['a']);
  });
});
