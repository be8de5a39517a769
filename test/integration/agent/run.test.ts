import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, lstat, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startCommand } from '../../e2e/support/run-command.ts';
import { waitUntil } from '../../e2e/support/wait-until.ts';
import { createAgentHome, ENTRY, waitUntilReady, withLog } from './agent-process.ts';

describe('an agent on its socket', () => {
  it('tells systemd when it is ready, answers, and ends with 0 at SIGTERM', async () => {
    await using home = await createAgentHome();
    const agent = await home.start();
    const status = await home.client.agent.status();
    expect(status).toEqual({
      version: expect.any(String),
      pid: agent.pid,
      startedAt: expect.stringMatching(/Z$/),
      uptimeSeconds: expect.any(Number),
      host: expect.any(String),
      socket: home.socket,
      listen: null,
      libvirt: { isReachable: true, error: null },
      runningOperations: 0,
      isStopping: false,
    });
    expect(await home.client.images.list()).toEqual([]);
    agent.kill('SIGTERM');
    expect(await agent.ended).toMatchObject({ exitCode: 0, stdout: '' });
    expect(existsSync(home.socket)).toBe(false);
    await waitUntil(
      'systemd has heard it',
      async () => home.systemd.messages.some((text) => text.startsWith('STOPPING')),
      {
        timeoutMs: 20_000,
      },
    );
    expect(home.systemd.messages.filter((text) => !text.startsWith('EXTEND'))).toEqual([
      expect.stringMatching(/^STATUS=Starting/),
      'READY=1\nSTATUS=Ready for test:///default',
      'STOPPING=1\nSTATUS=Stopping: waiting for 0 operations',
    ]);
  });

  it('gives its socket to a group, and to its owner alone where there is no such group', async () => {
    await using home = await createAgentHome({ socket_group: 'kvm' });
    const agent = await home.start();
    const { mode, uid, gid } = await stat(home.socket);
    const kvm = Number(/^kvm:[^:]*:(\d+):/m.exec(await readFile('/etc/group', 'utf8'))?.[1]);
    expect([mode & 0o7777, uid, gid]).toEqual([0o660, 0, kvm]);
    agent.kill('SIGINT');
    expect((await agent.ended).exitCode).toBe(0);

    await home.configure({ socket_group: 'dr-no-such-group' });
    const alone = await home.start();
    expect((await stat(home.socket)).mode & 0o7777).toBe(0o600);
    expect(alone.logLines).toContainEqual(expect.objectContaining({ level: 'warn', group: 'dr-no-such-group' }));
  });

  it('never lets anybody else connect, not even while it starts', async () => {
    await using home = await createAgentHome({ socket_group: 'kvm' });
    await chmod(home.folder, 0o755);
    // as a user of no group of ours, as often as it can
    const script = `const net=require('net');let n=0;(function go(){const s=net.connect(process.argv[1]);
      s.on('connect',()=>{console.log('CONNECTED');process.exit(1)});
      s.on('error',(e)=>{if(e.code==='EACCES'){console.log('REFUSED '+ ++n)}setTimeout(go,0)})})()`;
    const other = spawn(process.execPath, ['-e', script, home.socket], { uid: 65534, gid: 65534, stdio: 'pipe' });
    let said = '';
    other.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await sleep(200);
    await home.start();
    await waitUntil('the other has tried', async () => said.includes('REFUSED 5'), { timeoutMs: 30_000 });
    other.kill('SIGKILL');
    expect(said).not.toContain('CONNECTED');
  });

  it('refuses to start beside another agent, which goes on', async () => {
    await using home = await createAgentHome();
    const first = await home.start();
    const second = await home.launch().ended;
    expect(second.exitCode).toBe(4);
    expect(second.stderr).toContain(`An agent listens at ${home.socket} already`);
    expect(second.stderr).toContain('AGENT_RUNNING');
    expect((await home.client.agent.status()).pid).toBe(first.pid);
  });

  it('lets one of two win that start at the same moment over a stale socket', async () => {
    await using home = await createAgentHome();
    const dead = await home.start();
    dead.kill('SIGKILL');
    await dead.ended;
    const rivals = [home.launch(), home.launch(), home.launch()];
    let lost = 0;
    for (const rival of rivals) {
      void rival.ended.then(({ exitCode }) => {
        lost += exitCode === 4 ? 1 : 100;
      });
    }
    await waitUntil('all but one have given up', async () => lost === rivals.length - 1, { timeoutMs: 20_000 });
    await sleep(300);
    expect(lost).toBe(rivals.length - 1);
    const isServed = async () => rivals.map(({ pid }) => pid).includes((await home.client.agent.status()).pid);
    await waitUntil('the one that is left answers', isServed, { timeoutMs: 30_000 });
  });

  it('takes over the socket file of an agent that was killed', async () => {
    await using home = await createAgentHome();
    const dead = await home.start();
    dead.kill('SIGKILL');
    await dead.ended;
    expect((await lstat(home.socket)).isSocket()).toBe(true);
    const agent = await home.start();
    expect((await home.client.agent.status()).pid).toBe(agent.pid);
  });

  it('treats a socket that accepts and then says nothing as taken', async () => {
    await using home = await createAgentHome();
    const mute = createServer(() => undefined);
    await new Promise<void>((resolve) => mute.listen(home.socket, resolve));
    expect((await home.launch().ended).exitCode).toBe(4);
    mute.close();
  });

  it('leaves a file alone that is no socket', async () => {
    await using home = await createAgentHome();
    await writeFile(home.socket, 'precious');
    const { exitCode, stderr } = await home.launch().ended;
    expect([exitCode, stderr]).toEqual([5, expect.stringContaining('is no socket')]);
    expect(await readFile(home.socket, 'utf8')).toBe('precious');
  });

  it('makes the folder of its socket, and says so when it cannot listen', async () => {
    await using home = await createAgentHome();
    const long = path.join(home.folder, 'x'.repeat(100));
    const { exitCode, stderr } = await home.run([...home.options, '--socket', long, 'agent', 'run']);
    expect([exitCode, stderr]).toEqual([5, expect.stringContaining('LISTEN_FAILED')]);

    const deep = path.join(home.folder, 'run', 'darkroom');
    await home.configure({ socket: path.join(deep, 'agent.sock') });
    const command = [ENTRY, ...home.options, 'agent', 'run'];
    const agent = withLog(startCommand(process.execPath, command));
    await waitUntilReady(agent);
    expect((await stat(deep)).mode & 0o7777).toBe(0o755);
    agent.kill('SIGTERM');
    await agent.ended;
  });

  it('keeps NOTIFY_SOCKET and the like from its children', async () => {
    await using home = await createAgentHome({ socket_group: 'dr-nobody-knows' });
    // its search for the group runs getent, which is ours here and tells what it inherited
    const bin = path.join(home.folder, 'bin');
    const seen = path.join(home.folder, 'seen');
    await mkdir(bin);
    await writeFile(path.join(bin, 'getent'), `#!/bin/sh\nenv > ${seen}; ls -l /proc/self/fd >> ${seen}; exit 2\n`);
    await chmod(path.join(bin, 'getent'), 0o755);
    await home.start([], { PATH: `${bin}:${process.env['PATH']}`, WATCHDOG_USEC: '60000000', LISTEN_FDS: '0' });
    const inherited = await readFile(seen, 'utf8');
    expect(inherited).toContain('PATH=');
    expect(inherited).not.toMatch(/NOTIFY_SOCKET|WATCHDOG|LISTEN_/);
    const isTold = async () => home.systemd.messages.some((text) => text.startsWith('READY=1'));
    await waitUntil('systemd has heard that it is ready', isTold, { timeoutMs: 30_000 });
  });
});

it('agent run serves the host that it runs on, and no other', async () => {
  await using home = await createAgentHome();
  const { exitCode, stderr } = await home.run(['agent', 'run', '--host', 'node2']);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining('leave --host out')]);
});

describe('agent status', () => {
  it('prints how the agent is, for people and for programs', async () => {
    await using home = await createAgentHome();
    const agent = await home.start();
    const text = await home.run(['agent', 'status', '--socket', home.socket]);
    expect(text.exitCode).toBe(0);
    expect(text.stdout).toMatch(/libvirt: +answers/);
    const json = await home.run(['agent', 'status', '--json', '--socket', home.socket]);
    expect(JSON.parse(json.stdout)).toMatchObject({ pid: agent.pid, isStopping: false });
    // what names a state folder is embedded elsewhere; who asks an agent means the agent
    const named = await home.run([...home.options, 'agent', 'status', '--json', '--socket', home.socket]);
    expect(JSON.parse(named.stdout)).toMatchObject({ pid: agent.pid });
  });

  it('ends with 7 when none answers, and makes nothing', async () => {
    await using home = await createAgentHome();
    const { exitCode, stderr } = await home.run([...home.options, 'agent', 'status', '--socket', home.socket]);
    expect([exitCode, stderr]).toEqual([7, expect.stringContaining('AGENT_UNREACHABLE')]);
    expect(existsSync(path.join(home.folder, 'state'))).toBe(false);
  });
});

it('a socket that is named is asked, whatever variables say of another application', async () => {
  await using home = await createAgentHome();
  const environment = { DARKROOM_STATE_DIR: path.join(home.folder, 'another'), DARKROOM_CONNECT: 'test:///default' };
  const list = () =>
    startCommand(process.execPath, [ENTRY, 'instance', 'list', '--socket', home.socket], { env: environment }).ended;
  expect(await list()).toMatchObject({ exitCode: 7, stderr: expect.stringContaining('AGENT_UNREACHABLE') });
  await home.start();
  expect(await list()).toMatchObject({ exitCode: 0 });
  expect(existsSync(path.join(home.folder, 'another'))).toBe(false);
});

const MOST_BYTES = 120 * 1024 * 1024;
/** Hundredths of a second in five: 1 % would be 5. */
const MOST_TICKS = 10;

describe('an agent at rest', () => {
  it('takes next to no time, and less than 120 MiB once what it was asked is some seconds ago', async () => {
    await using home = await createAgentHome();
    // V8 keeps up to 32 MiB for what is new where it is not told that this process mostly waits
    const agent = await home.start([], { WATCHDOG_USEC: '60000000', NODE_OPTIONS: '--max-semi-space-size=1' });
    for (let round = 0; round < 20; round += 1) await home.client.instances.list();
    // threads that nobody needs end after 15 s, and V8 gives back what it grew by
    const isSmall = async () => (await residentBytes(agent.pid)) < MOST_BYTES;
    await waitUntil('it is small', isSmall, { timeoutMs: 60_000, intervalMs: 1000 });
    // others work on the same cores, and a busy cache costs a process that wakes: the calmest of some moments counts
    const windows: number[] = [];
    do windows.push(await ticksOf(agent.pid, 5000));
    while (Math.min(...windows) >= MOST_TICKS && windows.length < 6);
    const resident = await residentBytes(agent.pid);
    process.stdout.write(`agent at rest: ${Math.round(resident / 1e6)} MB RSS, ${windows} of 500 ticks\n`);
    expect(resident).toBeLessThan(MOST_BYTES);
    expect(Math.min(...windows)).toBeLessThan(MOST_TICKS);
  });
});

async function ticksOf(pid: number, ms: number): Promise<number> {
  const before = await cpuTicks(pid);
  await sleep(ms);
  return (await cpuTicks(pid)) - before;
}

async function residentBytes(pid: number): Promise<number> {
  return Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

async function cpuTicks(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
