import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/agent/app.ts';
import { type Client, createClient } from '../../../src/api/client.ts';
import { createInjectTransport } from '../../../src/api/inject-transport.ts';
import { probeAgent } from '../../../src/api/probe-agent.ts';
import { createSocketTransport } from '../../../src/api/socket-transport.ts';
import type { Operation } from '../../../src/model/operation.ts';
import { FakeApplication, failWith } from '../agent/fake-application.ts';
import { sampleImage, sampleInstance, sampleVolume } from '../agent/samples.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'dr-cl-'));
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  rmSync(path.join(folder, 'agent.sock'), { force: true });
});

async function openInject(application: FakeApplication): Promise<Client> {
  const app = buildApp({ application });
  cleanups.push(() => app.close());
  return createClient(createInjectTransport(app));
}

async function openSocket(application: FakeApplication): Promise<Client> {
  const app = buildApp({ application });
  cleanups.push(() => app.close());
  const socket = path.join(folder, 'agent.sock');
  await app.listen({ path: socket });
  return createClient(createSocketTransport(socket));
}

async function collect(changes: AsyncIterable<Operation>): Promise<readonly string[]> {
  const statuses: string[] = [];
  for await (const { status } of changes) statuses.push(status);
  return statuses;
}

describe.each([
  ['inject', openInject],
  ['a unix socket', openSocket],
])('the client over %s', (_name, open) => {
  it('reads images, instances, volumes and operations', async () => {
    const client = await open(new FakeApplication());
    expect(await client.images.list({ type: 'snapshot' })).toEqual([sampleImage]);
    expect(await client.images.show('web-golden')).toEqual(sampleImage);
    expect(await client.instances.list()).toEqual([sampleInstance]);
    expect(await client.volumes.show(sampleVolume.id)).toEqual(sampleVolume);
    expect(await client.operations.list({ limit: 3 })).toHaveLength(1);
    expect(await client.doctor({ isRepairing: true })).toEqual({ checks: [], isHealthy: true });
  });

  it('submits work and follows it to its end', async () => {
    const client = await open(new FakeApplication());
    const operation = await client.images.create({ instance: 'web-1', name: 'golden' });
    expect(await collect(client.operations.watch(operation.id))).toEqual(['running', 'running', 'succeeded']);
  });

  it('throws failures with their code, message and fields', async () => {
    const client = await open(new FakeApplication());
    await expect(client.images.show('a/b c')).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: "'a/b c' is not known.",
      fields: { reference: 'a/b c' },
    });
    await expect(collect(client.operations.watch('none'))).rejects.toMatchObject({ code: 'OPERATION_NOT_FOUND' });
  });

  it('tells the application to stop watching when its reader goes away', async () => {
    const application = new FakeApplication();
    application.isEndless = true;
    const client = await open(application);
    const operation = await client.images.create({ instance: 'web-1', name: 'golden' });
    for await (const { status } of client.operations.watch(operation.id)) {
      expect(status).toBe('running');
      break;
    }
    await expect.poll(() => application.watchers).toBe(0);
  });

  it('cancels an operation that somebody watches', async () => {
    const application = new FakeApplication();
    application.isEndless = true;
    const client = await open(application);
    const operation = await client.images.create({ instance: 'web-1', name: 'golden' });
    const statuses = collect(client.operations.watch(operation.id));
    await expect.poll(() => application.watchers).toBe(1);
    await client.operations.cancel(operation.id);
    expect(await statuses).toEqual(['running', 'cancelled']);
  });

  it('says so when the stream ends before the operation does', async () => {
    const application = new FakeApplication();
    application.script = () => [];
    const client = await open(application);
    const operation = await client.images.create({ instance: 'web-1', name: 'golden' });
    await expect(collect(client.operations.watch(operation.id))).rejects.toMatchObject({ code: 'AGENT_UNREACHABLE' });
  });

  it('hears of operations that fail', async () => {
    const application = new FakeApplication();
    application.script = failWith('NO_SPACE');
    const client = await open(application);
    const operation = await client.images.create({ instance: 'web-1', name: 'golden' });
    expect(await collect(client.operations.watch(operation.id))).toEqual(['running', 'failed']);
  });

  it.each(['', '.', '..', 'a\ud800'])('refuses the reference %j that no URL can hold', async (reference) => {
    const client = await open(new FakeApplication());
    const code = reference.startsWith('.') ? 'INSTANCE_NOT_FOUND' : 'INVALID_REQUEST';
    await expect(client.instances.show(reference)).rejects.toMatchObject({ code });
  });
});

describe('an agent that is not well', () => {
  it('is AGENT_UNREACHABLE when nobody listens', async () => {
    const client = createClient(createSocketTransport(path.join(folder, 'none.sock')));
    await expect(client.images.list()).rejects.toMatchObject({ code: 'AGENT_UNREACHABLE' });
    await expect(probeAgent(path.join(folder, 'none.sock'))).rejects.toMatchObject({
      code: 'AGENT_UNREACHABLE',
      fields: { seen: 'ENOENT' },
    });
  });

  it('is AGENT_UNREACHABLE when it never answers', async () => {
    const socket = await serve(() => {});
    const transport = createSocketTransport(socket, { answerTimeoutMs: 50 });
    await expect(transport.send({ method: 'GET', path: '/healthz' })).rejects.toMatchObject({
      code: 'AGENT_UNREACHABLE',
    });
  });

  it('has all the time that a slow answer needs', async () => {
    const socket = await serve((_request, response) => setTimeout(() => response.end('[]'), 150));
    const { stores } = createClient(createSocketTransport(socket, { answerTimeoutMs: 50 }));
    expect(await stores.check()).toEqual([]);
    await expect(stores.list()).rejects.toMatchObject({ code: 'AGENT_UNREACHABLE' });
  });

  it.each(['<html>', '{}', '[{"id":1}]'])('is INTERNAL when it answers %s', async (text) => {
    const socket = await serve((_request, response) => response.end(text));
    await expect(createClient(createSocketTransport(socket)).images.list()).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});

async function serve(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const socket = path.join(folder, 'agent.sock');
  const server = createServer(listener ?? (() => {}));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  cleanups.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return socket;
}
