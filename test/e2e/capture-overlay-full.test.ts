import { chmod, rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { assertClean, recordGuest } from './support/assert-clean.ts';
import { createMount } from './support/loop-mount.ts';
import { runCommand } from './support/run-command.ts';
import { createDarkroomHost } from './support/run-darkroom.ts';
import { bootTinyGuest } from './support/tiny-guest.ts';
import { domainState, onDomain } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

const operationsSchema = z.array(z.object({ status: z.string(), warnings: z.array(z.string()) }));

const ENV = { DARKROOM_COPY_BANDWIDTH: '4MiB', DARKROOM_RESERVE_BYTES: '1MiB' };

describe('an overlay whose file system runs full', () => {
  it('row 24: loses nothing, and the guest goes on as soon as there is room again', async () => {
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
    await using darkroom = await createDarkroomHost({ env: ENV });
    const before = await recordGuest(guest);

    const create = darkroom.start(['image', 'create', guest.name, '--name', 'full', '--json']);
    await waitUntil('the copy runs', async () => create.output.stderr.includes('"step":"copy"'), { timeoutMs: 30_000 });
    await guest.run('dd if=/dev/urandom of=/mnt/vdb/fill bs=1M count=150 conv=fsync </dev/null >/dev/null 2>&1 &');
    const isStopped = async (): Promise<boolean> =>
      (await onDomain(guest, 'domstate', ['--reason'])).includes('I/O error');
    await waitUntil('the guest is stopped by the full file system', isStopped, { timeoutMs: 60_000 });
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
