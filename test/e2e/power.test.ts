import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitForAgent } from './support/guest-agent.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { useSharedGuest } from './support/shared-guest.ts';
import { defineBootsectorGuest } from './support/tiny-guest.ts';
import { domainState, startDomain } from './support/virsh.ts';

let darkroom: DarkroomHost;

beforeAll(async () => {
  darkroom = await createDarkroomHost();
});
afterAll(() => darkroom[Symbol.asyncDispose]());

describe('power of a guest that does what it is asked', () => {
  const guest = useSharedGuest();

  async function ask(verb: string, ...args: readonly string[]): Promise<unknown> {
    return darkroom.json(['instance', verb, guest().name, ...args]);
  }

  function bootId(): Promise<string> {
    return guest().readFile('/proc/sys/kernel/random/boot_id');
  }

  it('is paused and resumed', async () => {
    expect(await ask('pause')).toMatchObject({ state: 'paused' });
    expect(await domainState(guest())).toBe('paused');
    expect(await ask('resume')).toMatchObject({ state: 'active' });
    expect(await domainState(guest())).toBe('running');
  });

  it('is suspended, and goes on where it was when it is started', async () => {
    const before = await bootId();
    expect(await ask('suspend')).toMatchObject({ state: 'suspended' });
    expect(await domainState(guest())).toBe('shut off');
    expect(await ask('start')).toMatchObject({ state: 'active' });
    await waitForAgent(guest());
    expect(await bootId()).toBe(before);
  });

  it('is suspended, and resumed', async () => {
    const before = await bootId();
    await ask('suspend');
    expect(await ask('resume')).toMatchObject({ state: 'active' });
    await waitForAgent(guest());
    expect(await bootId()).toBe(before);
  });

  it('is rebooted: the same domain, another boot', async () => {
    const before = await bootId();
    expect(await ask('reboot')).toMatchObject({ state: 'active' });
    await expect.poll(() => bootId().catch(() => before), { timeout: 60_000, interval: 500 }).not.toBe(before);
  });

  it('is stopped in an orderly way, and started', async () => {
    await waitForAgent(guest());
    expect(await ask('stop')).toMatchObject({ state: 'stopped' });
    expect(await domainState(guest())).toBe('shut off');
    expect(await ask('start')).toMatchObject({ state: 'active' });
    await waitForAgent(guest());
  });

  it('is rebooted by force', async () => {
    const before = await bootId();
    expect(await ask('reboot', '--force')).toMatchObject({ state: 'active' });
    await waitForAgent(guest());
    expect(await bootId()).not.toBe(before);
  });

  it('is a conflict where its state stands against it', async () => {
    for (const verb of ['start', 'resume']) {
      expect(await darkroom.run(['instance', verb, guest().name])).toMatchObject({ exitCode: 4 });
    }
    expect(await darkroom.run(['instance', 'start', 'nobody'])).toMatchObject({ exitCode: 3 });
  });

  it('is deleted only by force, because Darkroom did not make it', async () => {
    const refused = await darkroom.run(['instance', 'delete', guest().name]);
    expect(refused).toMatchObject({ exitCode: 5 });
    expect(refused.stderr).toContain('--force');
    expect(await domainState(guest())).toBe('running');
  });
});

describe('power of a guest that does not listen', () => {
  it('leaves it running after the timeout, and pulls the plug by force', async () => {
    await using guest = await defineBootsectorGuest();
    await startDomain(guest);
    const timedOut = await darkroom.run(['instance', 'stop', guest.name, '--timeout', '1']);
    expect(timedOut).toMatchObject({ exitCode: 6 });
    expect(timedOut.stderr).toContain('--force');
    const deaf = await darkroom.run(['instance', 'reboot', guest.name, '--timeout', '1']);
    expect(deaf).toMatchObject({ exitCode: 6 });
    expect(await domainState(guest)).toBe('running');
    expect(await darkroom.json(['instance', 'stop', guest.name, '--force'])).toMatchObject({ state: 'stopped' });
    expect(await domainState(guest)).toBe('shut off');
  });

  it('stops waiting for it at Ctrl-C, with 130', async () => {
    await using guest = await defineBootsectorGuest();
    await startDomain(guest);
    const waiting = darkroom.start(['instance', 'stop', guest.name, '--timeout', '100']);
    await expect.poll(() => waiting.output.stderr, { timeout: 20_000 }).toContain('shutting down');
    waiting.kill('SIGINT');
    expect(await waiting.ended).toMatchObject({ exitCode: 130 });
    expect(await domainState(guest)).toBe('running');
  });
});
