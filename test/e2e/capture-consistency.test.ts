import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertClean, recordGuest } from './support/assert-clean.ts';
import { capture, expectRefusal, listImages } from './support/captures.ts';
import { hangAgent, isFrozen, restartAgent, waitForAgent } from './support/guest-agent.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { useSharedGuest } from './support/shared-guest.ts';
import { defineBootsectorGuest, type Guest } from './support/tiny-guest.ts';
import { onDomain, startDomain } from './support/virsh.ts';

let darkroom: DarkroomHost;
beforeAll(async () => {
  darkroom = await createDarkroomHost();
});
afterAll(async () => {
  await darkroom?.[Symbol.asyncDispose]();
});

describe('image create of a guest without an agent', () => {
  it('rows 22, 23: auto pauses and says so, quiesced is refused before anything is touched', async () => {
    await using guest = await defineBootsectorGuest();
    await startDomain(guest);
    const before = await recordGuest(guest);
    const quiesced = ['image', 'create', guest.name, '--name', 'x', '--consistency', 'quiesced'];
    await expectRefusal(darkroom, quiesced, { exitCode: 5, code: 'QUIESCE_UNAVAILABLE' });
    expect(await listImages(darkroom)).toEqual([]);
    const { consistency } = await capture(darkroom, guest, ['--name', 'no agent']);
    expect(consistency).toMatchObject({
      requested: 'auto',
      achieved: 'paused',
      freezeMs: 0,
      reason: 'the guest agent is absent',
    });
    expect(consistency?.pauseMs).toBeGreaterThan(0);
    await assertClean(before, darkroom);
  });
});

describe('image create of a guest whose agent misbehaves', () => {
  const guest = useSharedGuest();

  it('pauses with auto when the freeze is refused inside, and fails cleanly with quiesced', async () => {
    await setFreezeHook(guest(), '[ "$1" != freeze ]');
    const before = await recordGuest(guest());
    const quiesced = ['image', 'create', guest().name, '--name', 'x', '--consistency', 'quiesced'];
    await expectRefusal(darkroom, quiesced, { exitCode: 6, code: 'FREEZE_FAILED' });
    await assertClean(before, darkroom);
    const { consistency } = await capture(darkroom, guest(), ['--name', 'refused']);
    expect(consistency).toMatchObject({ achieved: 'paused', reason: expect.stringContaining('did not freeze') });
    await assertClean(before, darkroom);
  });

  it('row 25: gives a freeze that hangs up in time, pauses, and thaws what it may have frozen', async () => {
    await setFreezeHook(guest(), '[ "$1" != freeze ] || sleep 4');
    const before = await recordGuest(guest());
    const env = { DARKROOM_FREEZE_TIMEOUT_MS: '1000' };
    const { consistency } = await capture(darkroom, guest(), ['--name', 'late'], env);
    expect(consistency).toMatchObject({ achieved: 'paused', reason: expect.stringContaining('did not freeze') });
    await waitForAgent(guest());
    await assertClean(before, darkroom);
  });

  it('row 23: pauses with auto when the agent does not answer at all', async () => {
    await setFreezeHook(guest(), 'true');
    const before = await recordGuest(guest());
    await hangAgent(guest(), { seconds: 25 });
    const env = { DARKROOM_AGENT_PROBE_TIMEOUT_MS: '1000' };
    const quiesced = ['image', 'create', guest().name, '--name', 'x', '--consistency', 'quiesced'];
    await expectRefusal(darkroom, quiesced, { exitCode: 5, code: 'QUIESCE_UNAVAILABLE', env });
    const result = await darkroom.run(['image', 'create', guest().name, '--name', 'hung', '--json'], { env });
    expect(result.exitCode).toBe(0);
    expect(result.json()).toMatchObject({
      consistency: { achieved: 'paused', reason: 'the guest agent is hung' },
    });
    expect(result.jsonLines()).toContainEqual({ warning: 'Paused instead of quiesced: the guest agent is hung.' });
    await waitForAgent(guest());
    await assertClean(before, darkroom);
  });

  it('refuses a guest that somebody else froze, and leaves the thaw to them', async () => {
    await onDomain(guest(), 'domfsfreeze');
    try {
      const args = ['image', 'create', guest().name, '--name', 'x'];
      await expectRefusal(darkroom, args, { exitCode: 4, code: 'INSTANCE_FROZEN' });
      expect(await isFrozen(guest())).toBe(true);
    } finally {
      await onDomain(guest(), 'domfsthaw');
    }
  });
});

/** Has the guest's agent run a shell line with freeze or thaw before and after each freeze. */
async function setFreezeHook(guest: Guest, line: string): Promise<void> {
  await guest.run('mkdir -p /etc/qemu');
  await guest.writeFile('/etc/qemu/fsfreeze-hook', `#!/bin/sh\n${line}\n`);
  await guest.run('chmod +x /etc/qemu/fsfreeze-hook');
  await restartAgent(guest);
}
