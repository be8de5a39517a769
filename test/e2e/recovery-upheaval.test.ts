import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { beAlone } from './support/alone.ts';
import { assertClean, type GuestRecord, recordGuest } from './support/assert-clean.ts';
import { waitForAgent } from './support/guest-agent.ts';
import { type HarnessCapture, holdCapture } from './support/kill-harness.ts';
import { tryCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { useSharedGuest } from './support/shared-guest.ts';
import { domainExists, domainState, hasBlockJob, onDomain, shutDown, startDomain } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

const BEFORE_COPY = { call: 'diskTool.convert', nth: 1, when: 'before' } as const;
const SLOW_COMMIT = { DARKROOM_COMMIT_BANDWIDTH: '4MiB' };
const PHASES = ['copied', 'committed'] as const;

beAlone();

describe('row 24: a guest that somebody else handles while it is captured', () => {
  const guest = useSharedGuest({
    disks: [
      { target: 'vda', format: 'qcow2', backing: true },
      { target: 'vdb', format: 'raw', sizeMiB: 64 },
    ],
  });
  let darkroom: DarkroomHost;
  let before: GuestRecord;
  let round = 0;

  beforeAll(async () => {
    darkroom = await createDarkroomHost();
  });
  beforeEach(async () => {
    if ((await domainState(guest())) !== 'running') await guest().boot();
    before = await recordGuest(guest());
    await guest().run('echo still there >/tmp/memory');
  });
  afterEach(async () => {
    // the next one gets a guest that runs
    if ((await domainState(guest())) === 'paused') await onDomain(guest(), 'destroy');
  });
  afterAll(async () => {
    await darkroom?.[Symbol.asyncDispose]();
  });

  it.each(PHASES)('is shut down while it is %s', async (phase) => {
    await captureWhile(phase, () => shutDown(guest()));
    await expectOff();
    await guest().boot();
    await expectFiles();
  });

  it.each(PHASES)('is destroyed while it is %s', async (phase) => {
    await captureWhile(phase, () => onDomain(guest(), 'destroy'));
    await expectOff();
    await guest().boot();
    await expectFiles();
  });

  it.each(PHASES)('loses its QEMU by kill -9 while it is %s', async (phase) => {
    await captureWhile(phase, async () => {
      process.kill(Number(await readFile(`/run/libvirt/qemu/${guest().name}.pid`, 'utf8')), 'SIGKILL');
      await waitUntil('it is off', async () => (await domainState(guest())) === 'shut off', { timeoutMs: 30_000 });
    });
    await expectOff();
    await guest().boot();
    await expectFiles();
  });

  it.each(PHASES)('is reset while it is %s', async (phase) => {
    await captureWhile(phase, () => onDomain(guest(), 'reset'));
    await waitForAgent(guest());
    await assertClean(before, darkroom);
    await expectFiles();
  });

  it.each(PHASES)('is undefined while it is %s', async (phase) => {
    await onDomain(guest(), 'autostart');
    const warnings = await captureWhile(phase, () => onDomain(guest(), 'undefine'));
    expect(warnings.join()).toContain('its definition was put back');
    expect(await onDomain(guest(), 'dominfo')).toMatch(/^Autostart:\s+enable$/m);
    await onDomain(guest(), 'autostart', ['--disable']);
    await assertClean(before, darkroom);
    await expectFiles();
  });

  it.each(PHASES)(
    'row 16: is undefined and destroyed while it is %s, and leaves no image that is not active',
    async (phase) => {
      await captureWhile(phase, async () => {
        await onDomain(guest(), 'undefine');
        await onDomain(guest(), 'destroy');
        expect(await domainExists(guest())).toBe(false);
      });
      await expectOff();
      await guest().boot();
      await expectFiles();
    },
  );

  it('is suspended while it is copied, and resumes upon its old disks', async () => {
    await captureWhile('copied', () => onDomain(guest(), 'managedsave'));
    await expectOff();
    expect(await onDomain(guest(), 'managedsave-dumpxml')).not.toContain('.overlay.qcow2');
    await startDomain(guest());
    expect(await guest().readFile('/tmp/memory')).toBe('still there\n');
    await assertClean(before, darkroom);
    await expectFiles();
  });

  it('is not suspended while it is committed, since libvirt refuses that', async () => {
    await captureWhile('committed', async () => {
      const result = await tryCommand('virsh', ['-c', guest().uri, 'managedsave', guest().name]);
      expect(result.stderr).toContain('active block job');
    });
    await assertClean(before, darkroom);
    await expectFiles();
  });

  it('is started again while its disks are still copied', async () => {
    await captureWhile('copied', async () => {
      await shutDown(guest());
      await guest().boot();
    });
    await assertClean(before, darkroom);
    await expectFiles();
  });

  it('has a disk detached while it is copied', async () => {
    await captureWhile('copied', async () => {
      await guest().run('umount /mnt/vdb');
      await onDomain(guest(), 'detach-disk', ['vdb', '--live']);
      const isGone = async (): Promise<boolean> => !(await onDomain(guest(), 'domblklist')).includes('vdb');
      await waitUntil('the disk is gone', isGone, { timeoutMs: 20_000 });
    });
    await shutDown(guest());
    await expectOff();
    await guest().boot();
    await expectFiles();
  });

  it('has a snapshot taken by somebody else on top: nothing is deleted, and doctor mends it when that is gone', async () => {
    const overlay = `${guest().folder}/foreign.qcow2`;
    const capture = await holdBeforeCopy({});
    await writeFiles();
    const snapshot = [
      '--no-metadata',
      '--disk-only',
      '--diskspec',
      `vda,file=${overlay}`,
      '--diskspec',
      'vdb,snapshot=no',
    ];
    await onDomain(guest(), 'snapshot-create-as', snapshot);
    expect(await endOf(capture)).toMatchObject({ status: 'interrupted', error: { code: 'COMMIT_FAILED' } });
    await expectFiles();
    await onDomain(guest(), 'blockcommit', ['vda', '--active', '--pivot', '--wait', '--shallow']);
    await tryCommand('rm', [overlay]);
    await darkroom.run(['doctor', '--repair']);
    await assertClean(before, darkroom);
    await expectFiles();
  });

  /** The warnings of a capture during which something happens to the guest; its image is there nevertheless. */
  async function captureWhile(phase: (typeof PHASES)[number], act: () => Promise<unknown>): Promise<readonly string[]> {
    const capture = await holdBeforeCopy(phase === 'committed' ? SLOW_COMMIT : {});
    await writeFiles();
    if (phase === 'copied') await act();
    capture.release();
    if (phase === 'committed') {
      const isCommitting = (): Promise<boolean> => hasBlockJob(guest(), 'vda');
      await waitUntil('the commit runs', isCommitting, { timeoutMs: 60_000, intervalMs: 20 });
      await act();
    }
    const operation = await endOf(capture);
    expect(operation, capture.process.output.stderr).toMatchObject({ status: 'succeeded' });
    return operation?.warnings ?? [];
  }

  async function holdBeforeCopy(env: Readonly<Record<string, string>>): Promise<HarnessCapture> {
    const capture = holdCapture(darkroom, guest(), { name: `upheaval ${++round}`, at: BEFORE_COPY, env });
    await capture.held();
    return capture;
  }

  async function endOf(capture: HarnessCapture) {
    capture.release();
    await capture.process.ended;
    return capture.facts().at(-1)?.operation;
  }

  /** Synced in the guest, while its disks are overlays. */
  async function writeFiles(): Promise<void> {
    for (const folder of ['', '/mnt/vdb']) {
      // QEMU takes up to 16 MiB before the limit of a commit holds it, and that of the first disk is to last
      const sizeMiB = folder === '' ? 40 : 8;
      await guest().run(`dd if=/dev/urandom of=${folder}/bulk bs=1M count=${sizeMiB} 2>/dev/null`);
      await guest().writeFile(`${folder}/round`, `${round}\n`);
      await guest().run(`md5sum ${folder}/bulk >${folder}/bulk.md5; sync`);
    }
  }

  async function expectFiles(): Promise<void> {
    for (const folder of ['', '/mnt/vdb']) {
      expect(await guest().readFile(`${folder}/round`)).toBe(`${round}\n`);
      expect(await guest().run(`echo 3 >/proc/sys/vm/drop_caches; md5sum -c ${folder}/bulk.md5`)).toContain('OK');
    }
  }

  /** As it was, but off: libvirt names only the top of each chain then. */
  async function expectOff(): Promise<void> {
    const chains = Object.fromEntries(guest().disks.map(({ target, path }) => [target, [path]]));
    await assertClean({ ...before, state: 'shut off', hasAgent: false, chains }, darkroom);
  }
});
