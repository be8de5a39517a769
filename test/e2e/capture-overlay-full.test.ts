import { chmod, readFile, rm, statfs } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { assertClean, recordGuest } from './support/assert-clean.ts';
import { createMount } from './support/loop-mount.ts';
import { runCommand } from './support/run-command.ts';
import { createDarkroomHost } from './support/run-darkroom.ts';
import { bootTinyGuest, type Guest } from './support/tiny-guest.ts';
import { domainState, onDomain } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

const operationsSchema = z.array(
  z.object({
    status: z.string(),
    warnings: z.array(z.string()),
    error: z.object({ code: z.string() }).nullable(),
    timings: z.record(z.string(), z.number()),
  }),
);

/** The guest, under emulation, writes more than there is room for before the copy of 28 MiB has ended. */
const ENV = { DARKROOM_COPY_BANDWIDTH: '1MiB', DARKROOM_RESERVE_BYTES: '1MiB' };
/** Nothing is kept free, and its raw disk is allocated: so the capture is not given up in time. */
const CARELESS = { ...ENV, DARKROOM_OVERLAY_LOW_SPACE: '0' };

describe('an overlay whose file system runs full', () => {
  it('row 24: loses nothing, and the guest goes on as soon as there is room again', { timeout: 300_000 }, async () => {
    await using mount = await createMount('ext4', 400);
    const disk = `${mount.path}/vdb.raw`;
    const filler = `${mount.path}/filler`;
    await runCommand('fallocate', ['-l', '200M', disk]);
    await runCommand('fallocate', ['-l', '50M', filler]);
    await chmod(disk, 0o600);
    await using guest = await bootTinyGuest({
      disks: [
        { target: 'vda', format: 'qcow2' },
        { target: 'vdb', format: 'raw', path: disk },
      ],
    });
    await using darkroom = await createDarkroomHost({ env: CARELESS });
    const before = await recordGuest(guest);

    const create = darkroom.start(['image', 'create', guest.name, '--name', 'full', '--json']);
    await waitUntil('the copy runs', async () => create.output.stderr.includes('"step":"copy"'), { timeoutMs: 30_000 });
    await guest.run('dd if=/dev/urandom of=/mnt/vdb/fill bs=1M count=150 conv=fsync </dev/null >/dev/null 2>&1 &');
    const isStopped = async (): Promise<boolean> =>
      (await onDomain(guest, 'domstate', ['--reason'])).includes('I/O error');
    await waitUntil('the guest is stopped by the full file system', isStopped, { timeoutMs: 150_000 });
    // QEMU cannot commit an overlay that it cannot even flush: the overlay is kept
    expect((await create.ended).exitCode).toBe(6);

    await rm(filler);
    await darkroom.json(['instance', 'list']);
    expect(await domainState(guest)).toBe('running');
    const [operation] = operationsSchema.parse(await darkroom.json(['operation', 'list']));
    expect(operation).toMatchObject({ status: 'interrupted' });
    expect(operation?.warnings.join()).toContain('stopped by a write that failed');
    const size = async (): Promise<string> => (await guest.run('stat -c %s /mnt/vdb/fill')).trim();
    const isWhole = async (): Promise<boolean> => (await size()) === String(150 * 1024 * 1024);
    await waitUntil('the write goes on to its end', isWhole, { timeoutMs: 60_000 });
    await assertClean(before, darkroom);
  });
});

const MIB = 1024 ** 2;
const LOW_SPACE_MIB = 32;
/** More than there would be room for twice: in the overlay and in the disk. */
const WRITTEN_MIB = 84;
const WRITE_STEADILY =
  `(for i in $(seq ${WRITTEN_MIB / 4}); do dd if=/dev/urandom bs=1M count=4 >>/mnt/vdb/fill 2>/dev/null || exit; sync; sleep 0.2; done;` +
  ' echo done >/mnt/vdb/end) </dev/null >/dev/null 2>&1 &';

describe('an overlay whose file system is running full', () => {
  it('row 24: the capture is given up in time: the guest never meets the end of the space and never stops', async () => {
    await using mount = await createMount('ext4', 400);
    const disk = `${mount.path}/vdb.raw`;
    await runCommand('truncate', ['-s', '300M', disk]);
    await chmod(disk, 0o600);
    await using guest = await bootTinyGuest({
      disks: [
        { target: 'vda', format: 'qcow2' },
        { target: 'vdb', format: 'raw', path: disk },
      ],
    });
    await fillUpTo(mount.path, 140 * MIB);
    await using darkroom = await createDarkroomHost({
      env: {
        ...ENV,
        DARKROOM_COMMIT_BANDWIDTH: '1MiB',
        DARKROOM_OVERLAY_LOW_SPACE: `${LOW_SPACE_MIB}MiB`,
      },
    });
    const before = await recordGuest(guest);
    await using states = recordStates(guest);

    const create = darkroom.start(['image', 'create', guest.name, '--name', 'full', '--json']);
    await waitUntil('the copy runs', async () => create.output.stderr.includes('"step":"copy"'), { timeoutMs: 30_000 });
    await guest.run(WRITE_STEADILY);
    const { exitCode, stderr } = await create.ended;
    expect(exitCode, stderr).toBe(6);
    expect(stderr).toContain('with the overlay of disk vdb');
    expect(stderr).toContain(mount.path);

    const [operation] = operationsSchema.parse(await darkroom.json(['operation', 'list']));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'STORE_WRITE_FAILED' } });
    // with its limit the commit would have taken a second for each MiB
    expect(operation?.warnings.join()).toContain('disk vdb was committed without its limit');
    expect(operation?.timings['overlayPeakBytes.vdb']).toBeGreaterThan(20 * MIB);

    const isWritten = async (): Promise<boolean> => (await guest.run('cat /mnt/vdb/end || true')).includes('done');
    await waitUntil('the guest has written all', isWritten, { timeoutMs: 60_000 });
    expect(states.seen()).toEqual(['running']);
    expect(await onDomain(guest, 'domblkerror')).toContain('No errors found');
    expect(await readFile(guest.serialLog, 'utf8')).not.toMatch(/I\/O error|No space left|EXT4-fs error/i);
    await guest.run('sync; echo 3 >/proc/sys/vm/drop_caches');
    const size = (await guest.run('wc -c </mnt/vdb/fill')).trim();
    expect(size).toBe(String(WRITTEN_MIB * MIB));
    await assertClean(before, darkroom);
  });
});

/** Leaves that much free for others than root. */
async function fillUpTo(folder: string, freeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  await runCommand('fallocate', ['-l', String(bavail * bsize - freeBytes), `${folder}/filler`]);
}

/** Every power state that the guest was seen in, with the reason where it is not running. */
function recordStates(guest: Guest): AsyncDisposable & { seen(): readonly string[] } {
  const states = new Set<string>();
  const stop = new AbortController();
  const watching = (async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const [state = '', reason = ''] = (await onDomain(guest, 'domstate', ['--reason'])).trim().split(' (');
      states.add(state === 'running' ? state : `${state} (${reason}`);
      await sleep(150);
    }
  })();
  return {
    seen: () => [...states],
    async [Symbol.asyncDispose]() {
      stop.abort();
      await watching;
    },
  };
}
