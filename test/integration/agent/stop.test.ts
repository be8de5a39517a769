import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { tryCommand } from '../../e2e/support/run-command.ts';
import { waitUntil } from '../../e2e/support/wait-until.ts';
import { createAgentHome, untilLogged } from './agent-process.ts';

/** A host on which a copy lasts until it is allowed to end: qemu-img waits for a file before it converts. */
async function createSlowHome(settings: Readonly<Record<string, unknown>> = {}) {
  const home = await createAgentHome();
  const transfer = path.join(home.folder, 'transfer');
  const go = path.join(home.folder, 'go');
  const bin = path.join(home.folder, 'bin');
  await home.configure({ transfer_dirs: [transfer], ...settings });
  await mkdir(bin);
  const wait = `[ "$1" != convert ] || until [ -e ${go} ]; do sleep 0.05; done`;
  await writeFile(path.join(bin, 'qemu-img'), `#!/bin/sh\n${wait}\nexec /usr/bin/qemu-img "$@"\n`);
  await chmod(path.join(bin, 'qemu-img'), 0o755);
  const file = path.join(transfer, 'disk.raw');
  await writeFile(file, Buffer.alloc(1024 * 1024, 'x'));
  return {
    home,
    start: () => home.start([], { PATH: `${bin}:${process.env['PATH']}` }),
    letEnd: () => writeFile(go, ''),
    beginImport: async () => {
      const operation = await home.client.images.import({ path: file, name: 'slow', format: 'raw' });
      await waitUntil('the copy has begun', () => isConverting(file), { timeoutMs: 60_000, intervalMs: 50 });
      return operation;
    },
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  };
}

async function isConverting(file: string): Promise<boolean> {
  return (await tryCommand('pgrep', ['-f', `qemu-img convert .*${path.dirname(path.dirname(file))}`])).exitCode === 0;
}

async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

describe('a stopping agent', () => {
  it('lets what runs end, is watched meanwhile, and takes on nothing new', async () => {
    await using slow = await createSlowHome();
    const { home } = slow;
    const agent = await slow.start();
    const { id } = await slow.beginImport();
    const watching = collect(home.client.operations.watch(id));
    agent.kill('SIGTERM');
    await untilLogged(agent, 'stopping');

    expect(await home.client.agent.status()).toMatchObject({ isStopping: true, runningOperations: 1 });
    expect((await home.client.operations.show(id)).status).toBe('running');
    const refused = home.client.images.import({ path: '/nowhere', name: 'late' });
    await expect(refused).rejects.toMatchObject({ code: 'AGENT_STOPPING' });
    const command = await home.run(['image', 'delete', 'nothing', '--socket', home.socket]);
    expect([command.exitCode, command.stderr]).toEqual([7, expect.stringContaining('AGENT_STOPPING')]);

    await slow.letEnd();
    expect((await watching).at(-1)?.status).toBe('succeeded');
    expect((await agent.ended).exitCode).toBe(0);
    expect(home.systemd.messages).toContain('STOPPING=1\nSTATUS=Stopping: waiting for 1 operation');
    expect(home.systemd.messages).toContain('EXTEND_TIMEOUT_USEC=30000000');
  });

  it('has an operation undone that does not end in time, and tells its watcher', async () => {
    await using slow = await createSlowHome({ stop_timeout: 1 });
    const { home } = slow;
    const agent = await slow.start();
    const { id } = await slow.beginImport();
    const watching = collect(home.client.operations.watch(id));
    const started = Date.now();
    agent.kill('SIGTERM');
    expect((await agent.ended).exitCode).toBe(0);
    const tookMs = Date.now() - started;
    expect(tookMs).toBeGreaterThan(900);
    // the copy never ends by itself
    expect(tookMs).toBeLessThan(30_000);
    expect((await watching).at(-1)?.status).toBe('cancelled');
    expect(agent.logLines).toContainEqual(
      expect.objectContaining({ msg: 'cancelling what still runs', operations: [id] }),
    );
    await slow.start();
    expect((await home.client.operations.show(id)).status).toBe('cancelled');
    expect(await home.client.images.list()).toEqual([]);
  });

  it('does not wait when a second signal comes', async () => {
    await using slow = await createSlowHome();
    const { home } = slow;
    const agent = await slow.start();
    const { id } = await slow.beginImport();
    agent.kill('SIGTERM');
    await untilLogged(agent, 'stopping');
    const started = Date.now();
    agent.kill('SIGINT');
    expect((await agent.ended).exitCode).toBe(0);
    // it would have waited for 160 s
    expect(Date.now() - started).toBeLessThan(30_000);
    await slow.start();
    expect((await home.client.operations.show(id)).status).toBe('cancelled');
  });

  it('lets an operation be cancelled while it stops', async () => {
    await using slow = await createSlowHome();
    const { home } = slow;
    const agent = await slow.start();
    const { id } = await slow.beginImport();
    agent.kill('SIGTERM');
    await untilLogged(agent, 'stopping');
    await home.client.operations.cancel(id);
    expect((await agent.ended).exitCode).toBe(0);
    expect(agent.logLines.map(({ msg }) => msg)).not.toContain('cancelling what still runs');
  });
});
