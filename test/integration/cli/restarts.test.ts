import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/agent/app.ts';
import { createOutput } from '../../../src/cli/output.ts';
import { reachAgent } from '../../../src/cli/reach-agent.ts';
import { loadSettings } from '../../../src/config/load-settings.ts';
import { FakeApplication } from '../../unit/agent/fake-application.ts';
import { FakeStream } from '../../unit/cli/fake-terminal.ts';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const CREATE = ['image', 'create', 'web-1', '--name', 'x'];
const folder = mkdtempSync(path.join(tmpdir(), 'dr-cli-'));
const socket = path.join(folder, 'agent.sock');
const config = path.join(folder, 'darkroom.yaml');
chmodSync(folder, 0o755);
writeFileSync(config, `socket: ${socket}\nconnect: test:///default\nstate_dir: ${folder}/state\n`);

let application: FakeApplication;
let server: Server | null = null;
const children: ChildProcess[] = [];

beforeEach(() => {
  application = new FakeApplication();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await stopAgent();
});
afterAll(() => rmSync(folder, { recursive: true }));

type Intervene = (request: IncomingMessage, response: ServerResponse) => void;

async function startAgent(intervene: Intervene = () => {}): Promise<void> {
  const app = buildApp({ application });
  await app.ready();
  const started = createServer((request, response) => {
    intervene(request, response);
    app.routing(request, response);
  });
  await new Promise<void>((resolve) => started.listen(socket, resolve));
  server = started;
}

async function stopAgent(): Promise<void> {
  const stopped = server;
  server = null;
  if (stopped === null) return;
  stopped.closeAllConnections();
  await new Promise<void>((resolve) => stopped.close(() => resolve()));
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  stdout: string;
  stderr: string;
}

function start(...args: readonly string[]): Running {
  const env = { PATH: process.env['PATH'], DARKROOM_CONFIG: config };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const running: Running = { child, ended, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    running.stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    running.stderr += String(chunk);
  });
  return running;
}

const PATIENT = { timeout: 30_000 };

describe('an agent that is restarted while somebody waits', () => {
  it('is asked again, and the operation is followed to its end', async () => {
    application.isEndless = true;
    await startAgent();
    const command = start(...CREATE);
    await expect.poll(() => application.watchers, PATIENT).toBe(1);
    await stopAgent();
    await expect.poll(() => command.stderr, PATIENT).toContain('The agent is not answering; trying again.');
    application.isEndless = false;
    await startAgent();
    expect(await command.ended).toBe(0);
    expect(command.stderr).toContain('The agent answers again.');
    expect(command.stderr.match(/trying again/g)).toHaveLength(1);
    expect(command.stdout).toContain('image web-golden');
    expect(application.submitted).toHaveLength(1);
  });

  it('tells of an operation that the restart interrupted, with 6', async () => {
    application.isEndless = true;
    application.script = (running) => [
      { ...running, status: 'interrupted', error: { code: 'OPERATION_INTERRUPTED', message: 'its process died' } },
    ];
    await startAgent();
    const command = start(...CREATE);
    await expect.poll(() => application.watchers, PATIENT).toBe(1);
    await stopAgent();
    application.isEndless = false;
    await startAgent();
    expect(await command.ended).toBe(6);
    expect(command.stderr).toContain('its process died (OPERATION_INTERRUPTED)');
  });

  it('is asked again under the same key for a submission whose answer was lost', async () => {
    let hasBroken = false;
    await startAgent((request, response) => {
      if (request.method !== 'POST' || hasBroken) return;
      hasBroken = true;
      response.on('pipe', () => request.socket.destroy());
      response.write = () => request.socket.destroy() === request.socket;
      response.end = () => {
        request.socket.destroy();
        return response;
      };
    });
    const command = start(...CREATE);
    expect(await command.ended).toBe(0);
    expect(application.keys).toHaveLength(2);
    expect(application.keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(application.keys[1]).toBe(application.keys[0]);
  });
});

describe('Ctrl-C with an agent', () => {
  it('cancels at once, and leaves the undoing to the agent the second time', async () => {
    application.isEndless = true;
    application.operations.cancel = async (id) => {
      application.cancelled.push(id);
      return await application.operations.show(id);
    };
    await startAgent();
    const command = start(...CREATE);
    await expect.poll(() => application.watchers, PATIENT).toBe(1);
    command.child.kill('SIGINT');
    await expect.poll(() => command.stderr, PATIENT).toContain('Ctrl-C again leaves at once');
    await expect.poll(() => application.cancelled, PATIENT).toEqual(['op-1']);
    expect(command.child.exitCode).toBeNull();
    command.child.kill('SIGINT');
    expect(await command.ended).toBe(130);
    expect(command.stderr).toContain(
      "Operation op-1 is being undone by the agent; see 'darkroom operation show op-1'.",
    );
    await expect.poll(() => application.watchers, PATIENT).toBe(0);
  });

  it('lets nobody wait for an agent that never said whether it began', async () => {
    const silent = createServer((request, response) => {
      if (request.method === 'GET') response.end('{}');
    });
    await new Promise<void>((resolve) => silent.listen(socket, resolve));
    server = silent;
    let asked = 0;
    silent.on('request', () => {
      asked += 1;
    });
    const command = start(...CREATE);
    await expect.poll(() => asked, PATIENT).toBe(2);
    command.child.kill('SIGINT');
    await expect.poll(() => command.stderr, PATIENT).toContain('Cancelling');
    command.child.kill('SIGINT');
    expect(await command.ended).toBe(130);
    expect(command.stderr).toContain('has not yet said whether it began the operation');
  });
});

describe('a socket without an agent that answers', () => {
  it('that hangs is told of, and the work is done in this process', async () => {
    const hanging = createNetServer(() => {});
    await new Promise<void>((resolve) => hanging.listen(socket, resolve));
    try {
      const command = start('instance', 'list', '--json');
      expect(await command.ended).toBe(0);
      expect(JSON.parse(command.stdout)).toMatchObject([{ name: 'test' }]);
      expect(command.stderr).toContain('does not answer: no answer within 3000 ms');
      expect(command.stderr.trim().split('\n')).toHaveLength(1);
    } finally {
      hanging.close();
    }
  });

  it('that nobody listens at is no reason for words', async () => {
    const command = start('instance', 'list', '--json');
    expect(await command.ended).toBe(0);
    expect(command.stderr).toBe('');
  });

  it('that is not ours to use is FORBIDDEN, and no reason to work beside the agent', async () => {
    await startAgent();
    chmodSync(socket, 0o600);
    const settings = loadSettings({ file: config, env: {}, flags: {} });
    const output = createOutput(
      { stdout: new FakeStream(), stderr: new FakeStream() },
      { isJson: false, environment: {} },
    );
    const { signal } = new AbortController();
    process.seteuid?.(65534);
    try {
      const reached = reachAgent(settings, { isRequired: false, output, signal });
      await expect(reached).rejects.toMatchObject({
        code: 'FORBIDDEN',
        message: expect.stringContaining('you are not in the group darkroom'),
      });
    } finally {
      process.seteuid?.(0);
    }
  });

  it('in a folder that is not ours to enter is FORBIDDEN too', async () => {
    chmodSync(folder, 0o700);
    const settings = loadSettings({ file: config, env: {}, flags: {} });
    const output = createOutput(
      { stdout: new FakeStream(), stderr: new FakeStream() },
      { isJson: false, environment: {} },
    );
    const { signal } = new AbortController();
    process.seteuid?.(65534);
    try {
      const reached = reachAgent(settings, { isRequired: false, output, signal });
      await expect(reached).rejects.toMatchObject({ code: 'FORBIDDEN' });
    } finally {
      process.seteuid?.(0);
      chmodSync(folder, 0o755);
    }
  });
});
