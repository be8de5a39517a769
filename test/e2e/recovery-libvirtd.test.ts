import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertClean, type GuestRecord, recordGuest } from './support/assert-clean.ts';
import { isFrozen } from './support/guest-agent.ts';
import { type CallPoint, type CaptureFact, type HarnessCapture, holdCapture } from './support/kill-harness.ts';
import { runCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { createSecondHost, type SecondHost } from './support/second-host.ts';
import { bootTinyGuest, type Guest } from './support/tiny-guest.ts';
import { hasBlockJob, listDisks } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

const BEFORE_COPY = { call: 'diskTool.convert', nth: 1, when: 'before' } as const;
const WHILE_FROZEN = { call: 'hypervisor.createDiskSnapshot', nth: 1, when: 'before' } as const;

describe('row 24: libvirtd that goes away in the middle of a capture', () => {
  let host: SecondHost;
  let guest: Guest;
  let darkroom: DarkroomHost;
  let before: GuestRecord;
  let round = 0;

  beforeAll(async () => {
    host = await createSecondHost();
    guest = await bootTinyGuest({
      uri: host.uri,
      disks: [
        { target: 'vda', format: 'qcow2', backing: true },
        { target: 'vdb', format: 'raw', sizeMiB: 64 },
      ],
    });
    darkroom = await createDarkroomHost({ uri: host.uri });
    before = await recordGuest(guest);
  });
  afterAll(async () => {
    await host?.start();
    await guest?.[Symbol.asyncDispose]();
    await darkroom?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  it('goes on when it is back while the disks are copied', async () => {
    const capture = await hold(BEFORE_COPY);
    await host.stop();
    capture.release();
    await sleep(3000);
    await host.start();
    expect(await endOf(capture)).toMatchObject({ status: 'succeeded' });
    await expectClean();
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'goes on when it is back after %s while they are committed',
    async (signal) => {
      const capture = await hold(BEFORE_COPY, { env: { DARKROOM_COMMIT_BANDWIDTH: '4MiB' } });
      capture.release();
      const isCommitting = (): Promise<boolean> => hasBlockJob(guest, 'vda');
      await waitUntil('the commit runs', isCommitting, { timeoutMs: 60_000, intervalMs: 20 });
      await host.stop(signal);
      await sleep(2000);
      await host.start();
      expect(await endOf(capture)).toMatchObject({ status: 'succeeded' });
      await expectClean();
    },
  );

  it('goes on when it died before it had noted the commit that it had begun', async () => {
    const capture = await hold(BEFORE_COPY, { env: { DARKROOM_COMMIT_BANDWIDTH: '4MiB' } });
    capture.release();
    const isCommitting = (): Promise<boolean> => hasBlockJob(guest, 'vda');
    await waitUntil('the commit runs', isCommitting, { timeoutMs: 60_000, intervalMs: 20 });
    await host.stop('SIGKILL');
    const status = `/run/libvirt/qemu/${guest.name}.xml`;
    const [enter = '', ...args] = [...host.enter, 'sed', '-i', '/<mirror/,/<\\/mirror>/d', status];
    await runCommand(enter, args);
    await host.start();
    expect(await endOf(capture)).toMatchObject({ status: 'succeeded' });
    await expectClean();
  });

  it('leaves the guest thawed when it is restarted in the frozen window', async () => {
    const capture = await hold(WHILE_FROZEN, { write: false });
    expect(await isFrozen(guest)).toBe(true);
    await host.restart();
    await endOf(capture);
    await expectClean();
  });

  it('leaves the guest thawed when it dies in the frozen window and stays away for longer than that', async () => {
    const capture = await hold(WHILE_FROZEN, { write: false });
    await host.stop('SIGKILL');
    capture.release();
    await sleep(12_000);
    await host.start();
    expect(await endOf(capture)).toMatchObject({ status: 'failed', error: { code: 'LIBVIRT_UNREACHABLE' } });
    await expectClean();
  });

  it('gives up when it stays away, says interrupted, and the next start puts the guest right', async () => {
    const capture = await hold(BEFORE_COPY, { hurry: 40 });
    await host.stop();
    expect(await endOf(capture)).toMatchObject({ status: 'interrupted', error: { code: 'LIBVIRT_UNREACHABLE' } });
    await using other = await createDarkroomHost({ uri: host.uri });
    expect((await other.run(['image', 'create', guest.name, '--name', 'no libvirt'])).exitCode).toBe(7);
    await host.start();
    expect((await listDisks(guest)).get('vda')).toContain('.overlay.qcow2');
    await darkroom.json(['instance', 'list']);
    await expectClean();
  });

  async function hold(
    at: CallPoint,
    { write = true, ...options }: { write?: boolean; hurry?: number; env?: Record<string, string> } = {},
  ): Promise<HarnessCapture> {
    const capture = holdCapture(darkroom, guest, { name: `libvirtd ${++round}`, at, ...options });
    await capture.held();
    if (!write) return capture;
    // QEMU takes up to 16 MiB before a limit holds it
    await guest.run('dd if=/dev/urandom of=/bulk bs=1M count=40 2>/dev/null; sync');
    await guest.writeFile('/mnt/vdb/round', `${round}\n`);
    return capture;
  }

  async function endOf(capture: HarnessCapture): Promise<CaptureFact['operation']> {
    capture.release();
    await capture.process.ended;
    return capture.facts().at(-1)?.operation;
  }

  async function expectClean(): Promise<void> {
    await assertClean(before, darkroom);
    await guest.writeFile('/after', 'writes go on\n');
    expect(await guest.run('md5sum /bulk >/tmp/a; echo 3 >/proc/sys/vm/drop_caches; md5sum -c /tmp/a')).toContain('OK');
  }
});
