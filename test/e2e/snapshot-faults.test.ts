import { rm, statfs } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { assertClean, type GuestRecord, recordGuest } from './support/assert-clean.ts';
import { tryInGuest } from './support/guest-agent.ts';
import { createMount, type Mount } from './support/loop-mount.ts';
import { type RunningCommand, runCommand, tryCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { createSecondHost, type SecondHost } from './support/second-host.ts';
import { expectKept, expectNoJob, expectSound, readStoreState, type StoreState } from './support/snapshot-state.ts';
import { readFileInSnapshot, takeSnapshot } from './support/snapshots.ts';
import { bootTinyGuest, type Guest } from './support/tiny-guest.ts';
import { domainState, onDomain } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

const MIB = 1024 ** 2;
/** So much that its copy can be caught while it goes on. */
const DISK_MIB = 1024;
const FILL_MIB = 384;
const ENV = { DARKROOM_RESERVE_BYTES: '1MiB' };

const blocksSchema = z.object({
  return: z.array(z.object({ qdev: z.string(), inserted: z.object({ 'node-name': z.string() }).optional() })),
});
const operationsSchema = z.array(
  z.object({ status: z.string(), error: z.object({ code: z.string() }).nullable(), warnings: z.array(z.string()) }),
);

describe('a snapshot that meets accidents while QEMU copies', () => {
  let beside: Mount;
  let small: Mount;
  let host: SecondHost;
  let guest: Guest;
  let darkroom: DarkroomHost;
  let before: GuestRecord;
  let state: StoreState;
  /** As libvirt names QEMU's job for it. */
  let job: string;

  beforeAll(async () => {
    // a mount namespace of its own sees what is mounted by then
    beside = await createMount('ext4', 2500);
    small = await createMount('ext4', 1400);
    const disk = `${beside.path}/vdb.raw`;
    // zeros that are written are data, which QEMU copies
    await runCommand('dd', ['if=/dev/zero', `of=${disk}`, 'bs=1M', `count=${DISK_MIB}`, 'status=none']);
    // made here, since the guest would have the zeros unwritten
    await runCommand('mkfs.ext4', ['-q', '-F', '-O', '^has_journal', '-E', 'nodiscard', disk]);
    await runCommand('chmod', ['600', disk]);
    host = await createSecondHost();
    guest = await bootTinyGuest({
      uri: host.uri,
      disks: [
        { target: 'vda', format: 'qcow2' },
        { target: 'vdb', format: 'raw', path: disk },
      ],
    });
    darkroom = await createDarkroomHost({ uri: host.uri, env: ENV });
    await guest.run(`dd if=/dev/zero of=/mnt/vdb/fill bs=1M count=${FILL_MIB} conv=fsync 2>/dev/null`);
    await takeSnapshot(darkroom, data());
    job = await nameJob();
    before = await recordGuest(guest);
  });
  afterAll(async () => {
    await host?.start();
    await guest?.[Symbol.asyncDispose]();
    await darkroom?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
    await beside?.[Symbol.asyncDispose]();
    await small?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    state = await readStoreState(darkroom);
  });
  afterEach(async () => {
    await rm(`${beside.path}/filler`, { force: true });
  });

  it('row 24: is undone by Ctrl-C, and exits 130', async () => {
    const create = await startCopying();
    create.kill('SIGINT');
    expect((await create.ended).exitCode).toBe(130);
    await expectUndone();
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('outlasts libvirtd that ends by %s and comes back', async (signal) => {
    const create = await startCopying();
    await host.stop(signal);
    await sleep(1000);
    await host.start();
    await speedUp();
    const end = await endOf(create);
    expect(end).toBeOneOf([
      { exitCode: 0, status: 'succeeded', code: null },
      { exitCode: 6, status: 'failed', code: 'BACKUP_FAILED' },
    ]);
    if (end.exitCode === 0) state = await expectKept(darkroom, state);
    await expectUndone();
  });

  it('row 55: leaves nothing when it dies together with libvirtd', async () => {
    const create = await startCopying();
    await host.stop('SIGKILL');
    create.kill('SIGKILL');
    await create.ended;
    await host.start();
    await darkroom.json(['instance', 'list']);
    await expectUndone();
  });

  it('keeps every error from the guest while the file system beside its disk runs full', async () => {
    await guest.writeFile('/mnt/vdb/story', 'before\n');
    const create = await startCopying();
    await fill(beside.path);
    await guest.writeFile('/mnt/vdb/story', 'after\n');
    await overwrite(FILL_MIB);
    await speedUp();
    expect(await endOf(create)).toEqual({ exitCode: 0, status: 'succeeded', code: null });
    await overwrite(1);
    await expectUnharmed();
    const now = await expectKept(darkroom, state);
    const added = now.records.find(({ id }) => !state.records.some((record) => record.id === id));
    if (added === undefined) throw new Error('no snapshot was made');
    expect(await readFileInSnapshot(darkroom, added, '/story')).toBe('before\n');
  });

  it('is refused, and touches no guest, when there is no room beside the disk', async () => {
    await fill(beside.path);
    const { exitCode, stderr } = await darkroom.run(['snapshot', 'create', data(), '--json']);
    expect(exitCode).toBe(5);
    expect(stderr).toContain('NO_SPACE');
    await overwrite(1);
    await expectUndone();
  });

  it('goes to a store on another file system, fails cleanly when that is full, and never troubles the guest', async () => {
    await using far = await createDarkroomHost({ uri: host.uri, store: small.path, env: ENV });
    const first = await takeSnapshot(far, data());
    const kept = await readStoreState(far);
    await expectSound(far, kept);
    await overwrite(48);
    await fill(small.path, 20 * MIB);
    const result = await far.run(['snapshot', 'create', data(), '--json']);
    expect(result.stderr).toContain('NO_SPACE');
    expect(result.exitCode).toBe(5);
    expect(await readStoreState(far)).toEqual(kept);
    await rm(`${small.path}/filler`);
    expect(await takeSnapshot(far, data())).toMatchObject({ method: 'compare', parent: first.id });
    await expectSound(far, await expectKept(far, kept));
    await expectUndone();
  });

  it('fails when the guest is switched off meanwhile, which is not kept from it', async () => {
    const create = await startCopying();
    await onDomain(guest, 'destroy');
    expect(await endOf(create)).toEqual({ exitCode: 6, status: 'failed', code: 'BACKUP_FAILED' });
    expect(await runCommand('ls', [beside.path])).toBe('lost+found\nvdb.raw\n');
    await guest.boot();
    await expectUndone();
  });

  function data(): string {
    return `${guest.name}/vdb`;
  }

  async function nameJob(): Promise<string> {
    const blocks = blocksSchema.parse(JSON.parse(await ask({ execute: 'query-block' }))).return;
    const data = blocks.find(({ qdev }) => qdev.includes('virtio-disk1'));
    return `backup-vdb-${data?.inserted?.['node-name']}`;
  }

  /** Its job runs, and would for minutes. */
  async function startCopying(): Promise<RunningCommand> {
    const create = darkroom.start(['snapshot', 'create', data(), '--json']);
    await catchJob(create);
    // the guest is thawed by then, and what it wrote last is reserved
    const isWatched = async (): Promise<boolean> => create.output.stderr.includes('"step":"copy","progress":{');
    await waitUntil('its job is watched', isWatched, { timeoutMs: 60_000 });
    return create;
  }

  /** Slows its job from the first moment: one virsh that goes on asking, since a start of it takes as long as a copy. */
  async function catchJob(create: RunningCommand): Promise<void> {
    const question = `qemu-monitor-command ${guest.name} '${JSON.stringify(setSpeed(MIB))}'`;
    const asking = 'while echo "$1"; do sleep 0.002; done | timeout 60 virsh -q -c "$2" | grep -q -m1 return';
    const { exitCode } = await tryCommand('sh', ['-c', asking, 'sh', question, host.uri]);
    if (exitCode === 0) return;
    create.kill('SIGKILL');
    throw new Error(`QEMU was not seen to copy: ${create.output.stderr}`);
  }

  async function speedUp(): Promise<void> {
    await ask(setSpeed(0));
  }

  /** Bytes in a second, 0: no limit. */
  function setSpeed(speed: number): object {
    return { execute: 'block-job-set-speed', arguments: { device: job, speed } };
  }

  function ask(question: object): Promise<string> {
    return onDomain(guest, 'qemu-monitor-command', [JSON.stringify(question)]);
  }

  async function endOf(create: RunningCommand): Promise<{ exitCode: number; status: string; code: string | null }> {
    const { exitCode, stderr } = await create.ended;
    const [operation] = operationsSchema.parse(await darkroom.json(['operation', 'list', '--limit', '1']));
    if (operation === undefined) throw new Error(`there is no operation: ${stderr}`);
    return { exitCode, status: operation.status, code: operation.error?.code ?? null };
  }

  /** Most of it is what the snapshot has not saved yet; down to the disk. */
  async function overwrite(sizeMiB: number): Promise<void> {
    const command = `dd if=/dev/urandom of=/tmp/block bs=1M count=1 2>/dev/null && for n in $(seq 0 ${sizeMiB - 1}); do dd if=/tmp/block of=/mnt/vdb/fill bs=1M seek=$n conv=notrunc 2>&1 || exit; done; sync /mnt/vdb/fill`;
    expect(await tryInGuest(guest, command)).toMatchObject({ exitCode: 0 });
  }

  async function expectUndone(): Promise<void> {
    await expectUnharmed();
    expect(await expectKept(darkroom, state)).toEqual(state);
  }

  async function expectUnharmed(): Promise<void> {
    await rm(`${beside.path}/filler`, { force: true });
    await assertClean(before, darkroom);
    await expectNoJob(guest, await readStoreState(darkroom));
    expect(await runCommand('ls', [beside.path])).toBe('lost+found\nvdb.raw\n');
    expect(await domainState(guest)).toBe('running');
    expect(await guest.run('dmesg | grep -ciE "I/O error|EXT4-fs error" || true')).toBe('0\n');
    expect(await onDomain(guest, 'domblkerror')).toContain('No errors found');
    await guest.writeFile('/mnt/vdb/after', 'writes go on\n');
  }
});

/** To the last block, or up to what is to be left of it. */
async function fill(folder: string, leftBytes = 0): Promise<void> {
  const { bfree, bsize } = await statfs(folder);
  await tryCommand('fallocate', ['-l', String(Math.max(bsize, bfree * bsize - leftBytes)), `${folder}/filler`]);
  if (leftBytes > 0) return;
  await tryCommand('sh', ['-c', `cat /dev/zero >>'${folder}/filler'; sync '${folder}/filler'`]);
  expect((await statfs(folder)).bfree * bsize, 'bytes that are free').toBeLessThan(20 * MIB);
}
