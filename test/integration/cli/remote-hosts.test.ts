import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createNetServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/agent/app.ts';
import { FakeApplication } from '../../unit/agent/fake-application.ts';
import { sampleInstance } from '../../unit/agent/samples.ts';
import { type KeyPair, makeAuthority, makeCertificate } from './certificates.ts';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const TOKEN = 'drk_this-is-a-token';
const folder = mkdtempSync(path.join(tmpdir(), 'dr-cli-'));
const config = path.join(folder, 'darkroom.yaml');
const tokenFile = path.join(folder, 'token');
const servers: Server[] = [];
let authority: KeyPair;
let stranger: KeyPair;
let node: KeyPair;
let operator: KeyPair;

beforeAll(() => {
  authority = makeAuthority(folder, 'authority');
  stranger = makeAuthority(folder, 'stranger');
  node = makeCertificate(folder, { name: 'node', issuer: authority, for: 'IP:127.0.0.1,DNS:localhost' });
  operator = makeCertificate(folder, { name: 'operator', issuer: authority, for: 'DNS:operator' });
  writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
});
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function')
      server.closeAllConnections();
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function darkroom(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const env = { PATH: process.env['PATH'], HOME: folder, DARKROOM_CONFIG: config, ...environment };
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { env }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

interface Seen {
  readonly authorization: string | undefined;
  /** Common name of the client certificate; null: none that the authority signed. */
  readonly name: string | null;
}

/** An agent over TLS that asks for a certificate, and lets in who has one or the token. */
async function serveAgent(pair: KeyPair = node): Promise<{ readonly port: number; readonly seen: Seen[] }> {
  const app = buildApp({ application: new FakeApplication() });
  await app.ready();
  const seen: Seen[] = [];
  const tls = { key: pair.key, cert: pair.certificate, ca: authority.certificate, requestCert: true };
  const server = createServer({ ...tls, rejectUnauthorized: false }, (request, response) => {
    const { socket, headers } = request;
    const name =
      socket instanceof TLSSocket && socket.authorized ? String(socket.getPeerCertificate().subject.CN) : null;
    seen.push({ authorization: headers.authorization, name });
    if (name === null && headers.authorization !== `Bearer ${TOKEN}`) {
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { code: 'UNAUTHENTICATED', message: 'Who are you?', fields: {} } }));
      return;
    }
    app.routing(request, response);
  });
  return { port: await listen(server), seen };
}

function writeHosts(hosts: Readonly<Record<string, object>>): void {
  writeFileSync(config, `# hosts\n${JSON.stringify({ hosts })}`);
}

function byToken(port: number, others: object = {}): object {
  return { url: `https://127.0.0.1:${port}`, ca: 'authority.crt', token_file: 'token', ...others };
}

describe('--host', () => {
  it('speaks to the agent of that host with the token of the inventory', async () => {
    const { port, seen } = await serveAgent();
    writeHosts({ node2: byToken(port) });
    const { exitCode, stdout, stderr } = await darkroom(['instance', 'list', '--json', '--host', 'node2']);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual([sampleInstance]);
    expect(exitCode).toBe(0);
    expect(seen).toEqual([{ authorization: `Bearer ${TOKEN}`, name: null }]);
  });

  it('speaks to it with a client certificate, named by a variable', async () => {
    const { port, seen } = await serveAgent();
    const identity = { certificate: 'operator.crt', key: operator.keyFile };
    writeHosts({ node2: { url: `https://localhost:${port}/`, ca: 'authority.crt', ...identity } });
    expect((await darkroom(['image', 'show', 'web-golden'], { DARKROOM_HOST: 'node2' })).exitCode).toBe(0);
    expect(seen).toEqual([{ authorization: undefined, name: 'operator' }]);
  });

  it('does work there, follows it, and prints what it made', async () => {
    const { port } = await serveAgent();
    writeHosts({ node2: byToken(port) });
    const create = ['image', 'create', 'web-1', '--name', 'x'];
    const { exitCode, stdout } = await darkroom([...create, '--host', 'node2']);
    expect(stdout).toContain('image web-golden');
    expect(exitCode).toBe(0);
    const started = await darkroom([...create, '--host', 'node2', '--no-wait', '--json']);
    expect(JSON.parse(started.stdout)).toMatchObject({ kind: 'image.create', status: 'running' });
  });

  it('tells of a token that is not known in the words of the agent', async () => {
    const { port } = await serveAgent();
    writeFileSync(path.join(folder, 'wrong-token'), 'drk_wrong', { mode: 0o600 });
    writeHosts({ node2: byToken(port, { token_file: 'wrong-token' }) });
    const { exitCode, stderr } = await darkroom(['instance', 'list', '--host', 'node2']);
    expect(stderr).toContain('Who are you? (UNAUTHENTICATED)');
    expect(stderr).not.toContain('drk_');
    expect(exitCode).toBe(5);
  });
});

describe('an agent that cannot be trusted is AGENT_UNREACHABLE', () => {
  it('when its certificate is of another authority', async () => {
    const { port, seen } = await serveAgent();
    writeHosts({ node2: byToken(port, { ca: 'stranger.crt' }) });
    const { exitCode, stderr } = await darkroom(['instance', 'list', '--host', 'node2']);
    expect(stderr).toContain(
      `The agent of node2 (127.0.0.1:${port}) cannot be reached: its certificate is not signed by ${stranger.certificateFile}`,
    );
    expect(exitCode).toBe(7);
    expect(seen).toEqual([]);
  });

  it('when no authority is named and the system trusts none of its, whatever the environment of Node says', async () => {
    const { port, seen } = await serveAgent();
    writeHosts({ node2: byToken(port, { ca: null }) });
    const lax = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    const { exitCode, stderr } = await darkroom(['instance', 'list', '--host', 'node2'], lax);
    expect(stderr).toContain('its certificate is not signed by anybody whom this system trusts');
    expect(exitCode).toBe(7);
    expect(seen).toEqual([]);
  });

  it('when its certificate has expired', async () => {
    const old = makeCertificate(folder, { name: 'old', issuer: authority, for: 'IP:127.0.0.1', days: -1 });
    const { port } = await serveAgent(old);
    writeHosts({ node2: byToken(port) });
    const { exitCode, stderr } = await darkroom(['instance', 'list', '--host', 'node2']);
    expect(stderr).toContain('its certificate has expired');
    expect(exitCode).toBe(7);
  });

  it('when its certificate is for another name', async () => {
    const other = makeCertificate(folder, { name: 'other', issuer: authority, for: 'DNS:node7' });
    const { port } = await serveAgent(other);
    writeHosts({ node2: byToken(port) });
    const { exitCode, stderr } = await darkroom(['instance', 'list', '--host', 'node2']);
    expect(stderr).toContain('its certificate is for another name: DNS:node7');
    expect(exitCode).toBe(7);
  });

  it('when it offers nothing newer than TLS 1.1', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const port = await listen(createServer({ key: node.key, cert: node.certificate, ...old }));
    writeHosts({ node2: byToken(port) });
    const { exitCode, stderr } = await darkroom(['instance', 'list', '--host', 'node2']);
    expect(stderr).toMatch(/speaks no TLS of version 1.2 or later|TLS failed/);
    expect(exitCode).toBe(7);
  });

  it('when it does not speak TLS at all', async () => {
    const port = await listen(createPlainServer((_request, response) => response.end('[]')));
    writeHosts({ node2: byToken(port) });
    const { exitCode, stderr } = await darkroom(['instance', 'list', '--host', 'node2']);
    expect(stderr).toContain('what listens there does not speak TLS');
    expect(exitCode).toBe(7);
  });
});

describe('an inventory that cannot be used is a usage error', () => {
  it('when a key could be read by others', async () => {
    const { port } = await serveAgent();
    chmodSync(operator.keyFile, 0o644);
    writeHosts({ node2: byToken(port, { certificate: 'operator.crt', key: 'operator.key' }) });
    const { exitCode, stderr } = await darkroom(['instance', 'list', '--host', 'node2']);
    chmodSync(operator.keyFile, 0o600);
    expect(stderr).toContain(`${operator.keyFile} is open to others (mode 0644)`);
    expect(exitCode).toBe(2);
  });

  it('when certificate and key do not belong together', async () => {
    writeHosts({ node2: byToken(1, { certificate: 'operator.crt', key: 'node.key' }) });
    const { exitCode, stderr } = await darkroom(['instance', 'list', '--host', 'node2']);
    expect(stderr).toContain('certificate and key do not belong together');
    expect(exitCode).toBe(2);
  });

  it('when a file of it is missing, or is not what it should be', async () => {
    writeHosts({ node2: byToken(1, { ca: 'none.crt' }), node3: byToken(1, { ca: 'token' }) });
    expect((await darkroom(['instance', 'list', '--host', 'node2'])).stderr).toContain('none.crt cannot be read');
    expect((await darkroom(['instance', 'list', '--host', 'node3'])).stderr).toContain('holds no PEM certificate');
  });
});

describe('instance list --all-hosts', () => {
  it('tells of every host: one that answers, one that refuses, one that hangs', async () => {
    const { port } = await serveAgent();
    const refused = await listen(createPlainServer());
    servers.pop()?.close();
    const hanging = await listen(createNetServer(() => {}));
    writeHosts({ up: byToken(port), refused: byToken(refused), hanging: byToken(hanging) });
    const began = performance.now();
    const [text, json] = await Promise.all([
      darkroom(['instance', 'list', '--all-hosts']),
      darkroom(['instance', 'list', '--all-hosts', '--json']),
    ]);
    // an answer is waited for up to a minute elsewhere
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(text.exitCode).toBe(0);
    expect(text.stdout).toMatch(/^HOST +ID +NAME +STATE/);
    expect(text.stdout).toMatch(/^up +5a3c9d0e-\S+ +web-1 +active/m);
    expect(text.stdout).toMatch(/^refused {2}down: nothing listens there \(ECONNREFUSED\)$/m);
    expect(text.stdout).toMatch(/^hanging {2}down: no answer in time$/m);
    expect(JSON.parse(json.stdout)).toEqual([
      { ...sampleInstance, host: 'up' },
      {
        id: null,
        name: null,
        state: 'down',
        host: 'refused',
        error: expect.objectContaining({ code: 'AGENT_UNREACHABLE' }),
      },
      {
        id: null,
        name: null,
        state: 'down',
        host: 'hanging',
        error: expect.objectContaining({ code: 'AGENT_UNREACHABLE' }),
      },
    ]);
  });

  it('ends with 7 when none answers, and still tells of each', async () => {
    const { port } = await serveAgent();
    writeHosts({ a: byToken(port, { ca: 'stranger.crt' }), b: byToken(1) });
    const { exitCode, stdout } = await darkroom(['instance', 'list', '--all-hosts']);
    expect(stdout).toMatch(/^a {5}down: its certificate is not signed by/m);
    expect(stdout).toMatch(/^b {5}down: /m);
    expect(exitCode).toBe(7);
  });
});
