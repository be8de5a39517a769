import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { waitUntil } from '../../e2e/support/wait-until.ts';
import { LibvirtProxy } from '../libvirt/libvirt-proxy.ts';
import { type AgentHome, createAgentHome } from './agent-process.ts';

const WATCHDOG_MS = 3000;
/** For what is not about the time that it takes. */
const PATIENT = { timeoutMs: 30_000 };

const signsOfLife = ({ systemd }: AgentHome) => systemd.messages.filter((text) => text === 'WATCHDOG=1').length;

async function start(home: AgentHome, proxy: LibvirtProxy) {
  const agent = await home.start(['--connect', proxy.uri], { WATCHDOG_USEC: String(WATCHDOG_MS * 1000) });
  await waitUntil('it lives', async () => signsOfLife(home) > 1, PATIENT);
  return agent;
}

it('gives no sign of life while libvirt hangs, and again when it answers', async () => {
  await using proxy = await LibvirtProxy.start();
  await using home = await createAgentHome();
  const agent = await start(home, proxy);
  proxy.holdAnswers({ alsoToNew: true });
  await sleep(WATCHDOG_MS);
  const before = signsOfLife(home);
  await sleep(WATCHDOG_MS);
  expect(signsOfLife(home)).toBe(before);
  expect(home.systemd.messages).toContain(`STATUS=libvirt: libvirt does not answer within ${WATCHDOG_MS / 3} ms`);
  const status = await home.client.agent.status();
  expect(status.libvirt).toEqual({ isReachable: false, error: expect.stringContaining('does not answer') });
  proxy.releaseAnswers();
  await waitUntil('it lives again', async () => signsOfLife(home) > before, PATIENT);
  agent.kill('SIGTERM');
  expect((await agent.ended).exitCode).toBe(0);
});

it('goes on giving signs of life while libvirt is down, and says in its status that it is', async () => {
  await using proxy = await LibvirtProxy.start();
  await using home = await createAgentHome();
  await start(home, proxy);
  await proxy.stop();
  const isTold = async () => home.systemd.messages.some((text) => text.startsWith('STATUS=libvirt: '));
  await waitUntil('the status line says so', isTold, PATIENT);
  const before = signsOfLife(home);
  await waitUntil('it goes on', async () => signsOfLife(home) > before + 2, { timeoutMs: WATCHDOG_MS * 2 });
  expect((await home.client.agent.status()).libvirt.isReachable).toBe(false);
  await proxy.listen();
  const isWell = async () => (await home.client.agent.status()).libvirt.isReachable;
  await waitUntil('libvirt is back', isWell, PATIENT);
});

it('starts where libvirt is not there yet, and where it hangs', async () => {
  await using proxy = await LibvirtProxy.start();
  await proxy.stop();
  await using home = await createAgentHome();
  const agent = await home.start(['--connect', proxy.uri]);
  expect((await home.client.agent.status()).libvirt.isReachable).toBe(false);
  agent.kill('SIGTERM');
  expect((await agent.ended).exitCode).toBe(0);

  await proxy.listen();
  proxy.holdAnswers({ alsoToNew: true });
  const hung = await home.start(['--connect', proxy.uri]);
  expect((await home.client.agent.status()).libvirt).toEqual({
    isReachable: false,
    error: expect.stringContaining('does not answer'),
  });
  hung.kill('SIGTERM');
  // a call that hangs does not hold the process for good
  expect((await hung.ended).exitCode).toBe(0);
});
