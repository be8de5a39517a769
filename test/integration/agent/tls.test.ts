import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { connect as connectPlain, createServer } from 'node:net';
import path from 'node:path';
import { connect, type PeerCertificate, type SecureContextOptions, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../support/free-port.ts';
import { type AgentHome, createAgentHome, untilLogged } from './agent-process.ts';
import { type Authority, createAuthority, type Signed } from './certificates.ts';

const HOST = '127.0.0.1';

describe('an agent on TCP', () => {
  let home: AgentHome;
  let authority: Authority;
  let stranger: Authority;
  let server: Signed;
  let port: number;

  beforeAll(async () => {
    home = await createAgentHome();
    authority = await createAuthority(home.folder, 'authority');
    stranger = await createAuthority(home.folder, 'stranger');
    server = await authority.sign('node-1');
    port = await findFreePort();
  });
  afterAll(async () => {
    await home?.[Symbol.asyncDispose]();
  });

  const tls = () => ({ certificate: server.certificate, key: server.key, client_ca: authority.certificate });
  const listen = () => `${HOST}:${port}`;

  it('refuses to listen without a certificate, or with one that is none', async () => {
    await home.configure({});
    const without = await home.launch(['--listen', listen()]).ended;
    expect([without.exitCode, without.stderr]).toEqual([2, expect.stringContaining('tls.certificate is not set')]);
    await home.configure({ tls: { ...tls(), key: stranger.key } });
    const mixed = await home.launch(['--listen', listen()]).ended;
    expect([mixed.exitCode, mixed.stderr]).toEqual([2, expect.stringContaining('do not fit together')]);
    await home.configure({ tls: { ...tls(), client_ca: '/nowhere.pem' } });
    const missing = await home.launch(['--listen', listen()]).ended;
    expect([missing.exitCode, missing.stderr]).toEqual([2, expect.stringContaining('tls.client_ca: cannot read')]);
  });

  it('says so when the port is taken', async () => {
    await home.configure({ tls: tls() });
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(port, HOST, resolve));
    const { exitCode, stderr } = await home.launch(['--listen', listen()]).ended;
    other.close();
    expect([exitCode, stderr]).toEqual([5, expect.stringContaining('EADDRINUSE')]);
  });

  it('serves over TLS 1.2 and later, to clients with a certificate or without', async () => {
    await home.configure({ tls: tls() });
    const agent = await home.start(['--listen', listen()]);
    expect((await home.client.agent.status()).listen).toBe(listen());
    const client = await authority.sign('operator-1');
    for (const credentials of [{}, await read(client)]) {
      expect(await get({ ...credentials, ca: await readFile(authority.certificate) })).toMatchObject({ status: 200 });
    }
    await expect(get({ ca: await readFile(stranger.certificate) })).rejects.toThrow();
    const old = get({ ca: await readFile(authority.certificate), maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' });
    await expect(old).rejects.toThrow();
    agent.kill('SIGTERM');
    expect((await agent.ended).exitCode).toBe(0);
  });

  it('takes over renewed certificates at SIGHUP, and keeps the old ones when the new are broken', async () => {
    const renewed = path.join(home.folder, 'renewed.pem');
    const key = path.join(home.folder, 'renewed.key');
    const install = async (signed: Signed) => {
      await writeFile(renewed, await readFile(signed.certificate));
      await writeFile(key, await readFile(signed.key));
    };
    await install(server);
    await home.configure({ tls: { ...tls(), certificate: renewed, key } });
    const agent = await home.start(['--listen', listen()]);
    const ca = await readFile(authority.certificate);
    expect((await get({ ca })).peer.subject.CN).toBe('node-1');

    await install(await authority.sign('node-1-renewed'));
    expect((await get({ ca })).peer.subject.CN).toBe('node-1');
    agent.kill('SIGHUP');
    await untilLogged(agent, 'settings reloaded');
    expect((await get({ ca })).peer.subject.CN).toBe('node-1-renewed');

    await writeFile(renewed, 'no certificate');
    agent.kill('SIGHUP');
    await untilLogged(agent, 'the new settings are not used, the old ones stay');
    expect((await get({ ca })).peer.subject.CN).toBe('node-1-renewed');
    agent.kill('SIGTERM');
    await agent.ended;
  });

  it('does not wait for a client that says nothing, nor for one that is slow to shake hands', async () => {
    await home.configure({ tls: tls() });
    const agent = await home.start(['--listen', listen()]);
    const mute = connectPlain(port, HOST);
    const idle = connect({ port, host: HOST, rejectUnauthorized: false });
    for (const socket of [mute, idle]) socket.on('error', () => undefined);
    await Promise.all([once(mute, 'connect'), once(idle, 'secureConnect')]);
    agent.kill('SIGTERM');
    const started = Date.now();
    expect((await agent.ended).exitCode).toBe(0);
    // a handshake may take ten seconds
    expect(Date.now() - started).toBeLessThan(9000);
  });

  function get(options: SecureContextOptions): Promise<{ status: number | undefined; peer: PeerCertificate }> {
    return new Promise((resolve, reject) => {
      const target = { host: HOST, port, path: '/healthz', agent: false, checkServerIdentity: () => undefined };
      const outgoing = request({ ...target, ...options }, (response) => {
        const { socket } = response;
        if (!(socket instanceof TLSSocket)) throw new Error('no TLS');
        const peer = socket.getPeerCertificate();
        response.resume();
        response.on('end', () => resolve({ status: response.statusCode, peer }));
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  }
});

async function read({ certificate, key }: Signed): Promise<SecureContextOptions> {
  return { cert: await readFile(certificate), key: await readFile(key) };
}

function once(socket: NodeJS.EventEmitter, event: string): Promise<void> {
  return new Promise((resolve) => socket.once(event, () => resolve()));
}
