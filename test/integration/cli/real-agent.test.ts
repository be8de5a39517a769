import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findFreePort } from '../../support/free-port.ts';
import { makeAuthority, makeCertificate } from './certificates.ts';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'dr-cli-'));
const hostConfig = path.join(folder, 'darkroom.yaml');
const ownConfig = path.join(folder, 'own.yaml');
let agent: ChildProcess;

beforeAll(async () => {
  const authority = makeAuthority(folder, 'authority');
  makeCertificate(folder, { name: 'agent', issuer: authority, for: 'IP:127.0.0.1' });
  makeCertificate(folder, { name: 'anna', issuer: authority, for: 'DNS:anna' });
  const port = await findFreePort();
  writeFileSync(
    hostConfig,
    JSON.stringify({
      connect: 'test:///default',
      state_dir: path.join(folder, 'state'),
      socket: path.join(folder, 'agent.sock'),
      socket_group: 'root',
      listen: `127.0.0.1:${port}`,
      tls: {
        certificate: path.join(folder, 'agent.crt'),
        key: path.join(folder, 'agent.key'),
        client_ca: path.join(folder, 'authority.crt'),
      },
    }),
  );
  const url = `https://127.0.0.1:${port}`;
  writeFileSync(
    ownConfig,
    JSON.stringify({
      hosts: {
        'by-token': { url, ca: 'authority.crt', token_file: 'ci.token' },
        'by-certificate': { url, ca: 'authority.crt', certificate: 'anna.crt', key: 'anna.key' },
      },
    }),
  );
  agent = spawn(process.execPath, [MAIN, 'agent', 'run', '--config', hostConfig], {
    stdio: 'ignore',
    env: environment(),
  });
  await vi.waitUntil(async () => (await local('agent', 'status')).exitCode === 0, { timeout: 60_000, interval: 300 });
});
afterAll(async () => {
  const ended = new Promise((resolve) => agent.once('close', resolve));
  agent.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true });
});

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: folder };
}

function darkroom(config: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args, '--config', config], { env: environment() }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const local = (...args: readonly string[]) => darkroom(hostConfig, args);
const remote = (...args: readonly string[]) => darkroom(ownConfig, args);

describe('an agent and its remote operators', () => {
  it('lets a principal in by its token, as far as its role goes, until it is deleted', async () => {
    const made = await local('principal', 'create', 'ci', '--role', 'reader');
    expect(made.stderr).toContain('principal ci: reader');
    const tokenFile = path.join(folder, 'ci.token');
    writeFileSync(tokenFile, made.stdout);
    chmodSync(tokenFile, 0o600);

    const listed = await remote('instance', 'list', '--host', 'by-token', '--json');
    expect(listed.stderr).toBe('');
    expect(JSON.parse(listed.stdout)).toMatchObject([{ name: 'test', state: 'active' }]);
    expect(await remote('instance', 'pause', 'test', '--host', 'by-token')).toMatchObject({ exitCode: 5 });
    expect(await remote('principal', 'list', '--host', 'by-token')).toMatchObject({ exitCode: 5 });

    expect((await local('principal', 'delete', 'ci')).stdout).toBe('principal ci: deleted\n');
    const refused = await remote('instance', 'list', '--host', 'by-token');
    expect(refused.stderr).toContain('UNAUTHENTICATED');
    expect(refused.exitCode).toBe(5);
  });

  it('lets a principal in by its certificate, and keeps what it asked for', async () => {
    expect((await remote('instance', 'list', '--host', 'by-certificate')).exitCode).toBe(5);
    await local('principal', 'create', 'anna', '--role', 'operator', '--no-token');
    expect(await remote('instance', 'pause', 'test', '--host', 'by-certificate')).toMatchObject({
      exitCode: 0,
      stderr: expect.not.stringContaining('error'),
    });
    expect((await remote('instance', 'resume', 'test', '--host', 'by-certificate')).stdout).toContain('active');
    const operations = JSON.parse((await local('operation', 'list', '--requested-by', 'anna', '--json')).stdout);
    expect(operations).toMatchObject([{ kind: 'instance.resume' }, { kind: 'instance.pause' }]);
    const events = JSON.parse((await local('audit', 'list', '--limit', '20', '--json')).stdout);
    expect(events).toEqual(expect.arrayContaining([expect.objectContaining({ principal: 'anna', target: 'test' })]));
  });

  it('is one line of the table of all hosts, and the others are down', async () => {
    const { exitCode, stdout } = await remote('instance', 'list', '--all-hosts');
    expect(stdout).toMatch(/^by-certificate +\S+ +test +active/m);
    expect(stdout).toMatch(/^by-token +down: /m);
    expect(exitCode).toBe(0);
  });

  it('tells how it is from afar', async () => {
    const { exitCode, stdout } = await remote('agent', 'status', '--host', 'by-certificate', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ pid: agent.pid, libvirt: { isReachable: true } });
    expect(exitCode).toBe(0);
  });
});
