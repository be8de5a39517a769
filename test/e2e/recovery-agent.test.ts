import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertClean, type GuestRecord, recordGuest } from './support/assert-clean.ts';
import { hangAgent, isFrozen, restartAgent, waitForAgent } from './support/guest-agent.ts';
import { parseImage } from './support/images.ts';
import { createDarkroomHost, type DarkroomHost, type DarkroomResult } from './support/run-darkroom.ts';
import { useSharedGuest } from './support/shared-guest.ts';
import { onDomain } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

describe('a guest agent that does not do its part', () => {
  const guest = useSharedGuest({ disks: [{ target: 'vda', format: 'qcow2', backing: true }] });
  let darkroom: DarkroomHost;
  let before: GuestRecord;

  beforeAll(async () => {
    darkroom = await createDarkroomHost();
    before = await recordGuest(guest());
  });
  afterAll(async () => {
    await darkroom?.[Symbol.asyncDispose]();
  });

  it('row 22: hung, quiesced is refused before anything is touched; row 23: auto pauses and says so', async () => {
    await hangAgent(guest(), { seconds: 30 });
    const refused = await create('quiesced');
    expect(refused.exitCode).toBe(5);
    expect(refused.stdout + refused.stderr).toContain('QUIESCE_UNAVAILABLE');

    const started = Date.now();
    const paused = await create('auto');
    // the agent hangs for longer
    expect(Date.now() - started).toBeLessThan(20_000);
    expect(parseImage(paused.json()).consistency).toMatchObject({
      requested: 'auto',
      achieved: 'paused',
      freezeMs: 0,
      reason: expect.stringContaining('hung'),
    });
    await waitForAgent(guest());
    await assertClean(before, darkroom);
  });

  it('row 25: a freeze that comes too late is thawed, and the capture pauses instead', async () => {
    await guest().run('mkdir -p /etc/qemu');
    await guest().writeFile('/etc/qemu/fsfreeze-hook', '#!/bin/sh\n[ "$1" != freeze ] || sleep 8\n');
    await guest().run('chmod +x /etc/qemu/fsfreeze-hook');
    await restartAgent(guest());
    try {
      const result = await create('auto');
      expect(parseImage(result.json()).consistency).toMatchObject({
        achieved: 'paused',
        freezeMs: 0,
        reason: expect.stringContaining('did not freeze'),
      });
      await waitForAgent(guest());
      await waitUntil('it is thawed', async () => !(await isFrozen(guest())), { timeoutMs: 30_000 });

      const refused = await create('quiesced');
      expect(refused.exitCode).toBe(6);
      expect(refused.stdout + refused.stderr).toContain('FREEZE_FAILED');
      await waitForAgent(guest());
      expect(await isFrozen(guest())).toBe(false);
    } finally {
      await guest().run('rm /etc/qemu/fsfreeze-hook');
      await restartAgent(guest());
    }
    await assertClean(before, darkroom);
  });

  it('row 21: a guest that somebody else froze is refused, and stays frozen', async () => {
    await onDomain(guest(), 'domfsfreeze');
    for (const consistency of ['auto', 'quiesced'] as const) {
      const refused = await create(consistency);
      expect(refused.exitCode).toBe(4);
      expect(refused.stdout + refused.stderr).toContain('INSTANCE_FROZEN');
      expect(await isFrozen(guest())).toBe(true);
    }
    await onDomain(guest(), 'domfsthaw');
    await assertClean(before, darkroom);
  });

  function create(consistency: 'auto' | 'quiesced'): Promise<DarkroomResult> {
    return darkroom.run(['image', 'create', guest().name, '--name', 'hung', '--consistency', consistency, '--json']);
  }
});
