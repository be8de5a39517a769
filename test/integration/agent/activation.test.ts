import { existsSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { expect, it } from 'vitest';
import { createClient } from '../../../src/api/client.ts';
import { createSocketTransport } from '../../../src/api/socket-transport.ts';
import { startCommand } from '../../e2e/support/run-command.ts';
import { findFreePort } from '../../support/free-port.ts';
import { type AgentHome, createAgentHome, ENTRY, waitUntilReady, withLog } from './agent-process.ts';
import { createAuthority } from './certificates.ts';

/** Does what systemd does with a socket unit: opens the sockets, passes them as descriptors 3 and up, and is replaced. */
const ACTIVATE = `
$^F = 9;
my ($path, $port) = (shift, shift);
socket(my $unix, PF_UNIX, SOCK_STREAM, 0); bind($unix, sockaddr_un($path)) or die; listen($unix, 9);
if ($port) { socket($tcp, PF_INET, SOCK_STREAM, 0); bind($tcp, sockaddr_in($port, INADDR_LOOPBACK)) or die; listen($tcp, 9) }
@ENV{'LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES'} = ($$, $port ? 2 : 1, 'agent:tls');
exec @ARGV`;

async function activate(home: AgentHome, given: { readonly path: string; readonly port: number }) {
  const command = [process.execPath, ENTRY, ...home.options, 'agent', 'run'];
  const args = ['-MSocket', '-e', ACTIVATE, given.path, String(given.port), ...command];
  const agent = withLog(startCommand('perl', args, { env: { ...home.environment } }));
  await waitUntilReady(agent);
  return agent;
}

it('serves on the sockets that it is given, opens none of its own, and leaves them where they are', async () => {
  await using home = await createAgentHome();
  const authority = await createAuthority(home.folder, 'authority');
  const unused = path.join(home.folder, 'unused.sock');
  const tls = { certificate: authority.certificate, key: authority.key };
  await home.configure({ socket: unused, tls });
  const given = { path: path.join(home.folder, 'given.sock'), port: await findFreePort() };
  const agent = await activate(home, given);

  const status = await createClient(createSocketTransport(given.path)).agent.status();
  expect(status).toMatchObject({ pid: agent.pid, socket: given.path, listen: `127.0.0.1:${given.port}` });
  expect(await getHealth(given.port)).toBe(200);
  expect(existsSync(unused)).toBe(false);

  agent.kill('SIGTERM');
  expect((await agent.ended).exitCode).toBe(0);
  expect(existsSync(given.path)).toBe(true);
});

it('takes no TCP socket without a certificate', async () => {
  await using home = await createAgentHome();
  const given = { path: path.join(home.folder, 'given.sock'), port: await findFreePort() };
  await expect(activate(home, given)).rejects.toThrow('tls.certificate is not set');
});

function getHealth(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const target = { host: '127.0.0.1', port, path: '/healthz', agent: false, rejectUnauthorized: false };
    const outgoing = request(target, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
