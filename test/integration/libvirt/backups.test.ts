import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHypervisor } from '../../../src/drivers/libvirt/create-hypervisor.ts';
import type { BackupRequest, Hypervisor, HypervisorEvent } from '../../../src/model/ports/hypervisor.ts';
import { type BackupGuest, makeBackupGuest, settleBackup, type Target } from './backup-guest.ts';

const run = promisify(execFile);

let hypervisor: Hypervisor;
let guest: BackupGuest;

beforeEach(async () => {
  hypervisor = createHypervisor({ uri: 'qemu:///system' });
  guest = await makeBackupGuest();
  await hypervisor.defineDomain(guest.xml);
  await guest.start();
});

afterEach(async () => {
  await hypervisor[Symbol.asyncDispose]();
  await guest[Symbol.asyncDispose]();
});

describe('push backups on qemu:///system', () => {
  test('of a whole disk hold what it holds, and a checkpoint begins with them', async () => {
    await guest.write('vdb', 'write -P 1 0 3M');
    await guest.write('vdb', 'write -P 2 200M 1M');

    const { path, outcome } = await backUp('vdb', { checkpoint: 'one' });

    expect(outcome).toBe('completed');
    expect(await compare(path, guest.reference('vdb'))).toBe('Images are identical.');
    expect(await listCheckpoints()).toEqual([{ name: 'one', parent: null, targets: ['vdb'] }]);
    expect(await hypervisor.takeBackupOutcome(guest.uuid)).toBe('none');
  });

  test('since a checkpoint write only what changed, into a file that stands alone', async () => {
    await guest.write('vdb', 'write -P 1 0 3M');
    const full = await backUp('vdb', { checkpoint: 'one' });
    await guest.write('vdb', 'write -P 2 1M 1M');
    await guest.write('vdb', 'write -P 3 128M 64k');

    const increment = await backUp('vdb', { since: 'one', checkpoint: 'two' });

    expect(increment.outcome).toBe('completed');
    expect(await countDataBytes(increment.path)).toBe(1024 ** 2 + 65_536);
    expect(await backingOf(increment.path)).toBeUndefined();
    await run('qemu-img', ['rebase', '-u', '-f', 'qcow2', '-b', full.path, '-F', 'qcow2', increment.path]);
    expect(await compare(increment.path, guest.reference('vdb'))).toBe('Images are identical.');
    expect(await listCheckpoints()).toEqual([
      { name: 'one', parent: null, targets: ['vdb'] },
      { name: 'two', parent: 'one', targets: ['vdb'] },
    ]);
  });

  test('leave what the file holds already where nothing changed', async () => {
    await backUp('vdb', { checkpoint: 'one' });
    await guest.write('vdb', 'write -P 2 1M 1M');
    const path = await guest.makeTarget('vdb');
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 9 8M 64k', path]);

    await begin([{ target: 'vdb', path, incremental: 'one' }]);

    expect(await settleBackup(hypervisor, guest.uuid)).toBe('completed');
    await run('qemu-io', ['-r', '-f', 'qcow2', '-c', 'read -P 9 8M 64k', '-c', 'read -P 2 1M 1M', path]);
  });

  test('leave their files to others as soon as their outcome is told', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { path } = await backUp('vdb', { checkpoint: `round-${round}` });
      // fails while QEMU has the file open
      await run('qemu-io', ['-f', 'qcow2', '-c', 'write 0 64k', path]);
    }
  });

  test('of several disks are of one instant, each since a checkpoint of its own or whole', async () => {
    await backUp('vdb', { checkpoint: 'one' });
    await guest.write('vda', 'write -P 1 2G 400M');
    await guest.write('vdb', 'write -P 1 0 100M');
    const disks = [
      { target: 'vda', path: await guest.makeTarget('vda'), incremental: null },
      { target: 'vdb', path: await guest.makeTarget('vdb'), incremental: 'one' },
    ] as const;
    const { speedUp } = await guest.beginSlowly(() => begin(disks, { name: 'two', targets: ['vda', 'vdb'] }));
    const job = await hypervisor.getBackup(guest.uuid);
    await guest.writeUnseen('vda', 'write -P 7 3G 1M');
    await guest.writeUnseen('vdb', 'write -P 7 50M 1M');
    await speedUp();

    expect(job?.paths).toEqual(disks.map(({ path }) => path));
    expect(await settleBackup(hypervisor, guest.uuid)).toBe('completed');
    for (const { target, path } of disks) {
      expect(await compare(path, guest.reference(target))).toBe('Images are identical.');
    }
    const changed = new Map(disks.map(({ target }) => [target, 1024 ** 2]));
    expect(await hypervisor.readCheckpointSizes(guest.uuid, 'two')).toEqual(changed);
  });

  test('of a raw disk take part in one that begins a checkpoint of others', async () => {
    await guest.write('vdc', 'write -P 5 1M 1M');
    const vdc = await guest.makeTarget('vdc');
    const disks = [
      { target: 'vdb', path: await guest.makeTarget('vdb'), incremental: null },
      { target: 'vdc', path: vdc, incremental: null },
    ];
    await begin(disks, { name: 'one', targets: ['vdb'] });

    expect(await settleBackup(hypervisor, guest.uuid)).toBe('completed');
    expect(await compare(vdc, guest.reference('vdc'))).toBe('Images are identical.');
    expect(await listCheckpoints()).toEqual([{ name: 'one', parent: null, targets: ['vdb'] }]);
  });

  test('cannot begin a checkpoint in a raw disk', async () => {
    const disk = { target: 'vdc', path: await guest.makeTarget('vdc'), incremental: null };

    await expect(begin([disk], { name: 'one', targets: ['vdc'] })).rejects.toMatchObject({ code: 'LIBVIRT_FAILED' });
    expect(await hypervisor.getBackup(guest.uuid)).toBeNull();
    expect(await listCheckpoints()).toEqual([]);
  });

  test('since a checkpoint that nobody knows are refused as since one whose bitmap is gone', async () => {
    const disk = { target: 'vdb', path: await guest.makeTarget('vdb'), incremental: 'nobody knows' };

    await expect(begin([disk])).rejects.toMatchObject({ code: 'CHECKPOINT_INCONSISTENT' });
  });

  test('tell how far they are, and are gone once they were aborted', async () => {
    await beginSlow();

    const job = await hypervisor.getBackup(guest.uuid);
    expect(job?.total).toBe(4 * 1024 ** 3);
    expect(job?.done).toBeLessThan(4 * 1024 ** 3);
    await hypervisor.abortBackup(guest.uuid);

    expect(await hypervisor.getBackup(guest.uuid)).toBeNull();
    expect(await hypervisor.takeBackupOutcome(guest.uuid)).toBe('cancelled');
    expect(await listCheckpoints()).toEqual([{ name: 'slow', parent: null, targets: ['vda'] }]);
  });

  test('need not run to be aborted', async () => {
    await hypervisor.abortBackup(guest.uuid);
    await hypervisor.destroyDomain(guest.uuid);

    await hypervisor.abortBackup(guest.uuid);
  });

  test('are refused at once while another runs, which goes on', async () => {
    const path = await beginSlow();
    const second = { target: 'vdb', path: await guest.makeTarget('vdb'), incremental: null };
    const startMs = performance.now();

    await expect(begin([second])).rejects.toMatchObject({ code: 'INSTANCE_BUSY', fields: { instance: guest.uuid } });
    expect(performance.now() - startMs).toBeLessThan(5000);
    expect((await hypervisor.getBackup(guest.uuid))?.paths).toEqual([path]);
  });

  test('fail, and the guest goes on, when the file system of the target is full', async () => {
    await guest.write('vdb', 'write -P 3 0 20M');
    const path = await guest.makeTarget('vdb', { isSmall: true });
    await begin([{ target: 'vdb', path, incremental: null }]);

    expect(await settleBackup(hypervisor, guest.uuid)).toBe('failed');
    await guest.write('vdb', 'write -P 4 0 1M');
  });

  test('are cut off with the domain', async () => {
    await beginSlow();
    await hypervisor.destroyDomain(guest.uuid);

    expect(await hypervisor.getBackup(guest.uuid)).toBeNull();
    // a QEMU that is going cancels its jobs, or fails in them
    expect(['cancelled', 'failed']).toContain(await hypervisor.takeBackupOutcome(guest.uuid));
  });

  test('of a domain that is off are refused', async () => {
    await hypervisor.destroyDomain(guest.uuid);
    const disk = { target: 'vda', path: await guest.makeTarget('vda'), incremental: null };

    await expect(begin([disk])).rejects.toMatchObject({ code: 'LIBVIRT_FAILED' });
    expect(await hypervisor.getBackup(guest.uuid)).toBeNull();
    expect(await hypervisor.takeBackupOutcome(guest.uuid)).toBe('none');
  });

  test('are not mixed up with other jobs of the domain', async () => {
    await run('virsh', ['dump', '--live', guest.name, `${guest.disk('vda')}.core`]);

    expect(await hypervisor.takeBackupOutcome(guest.uuid)).toBe('none');
  });

  test('are told of as block jobs of their disks', async () => {
    const events: HypervisorEvent[] = [];
    const isSubscribed = (): boolean => events.some(({ kind }) => kind === 'connection');
    const stop = hypervisor.subscribe((event) => events.push(event));
    await expect.poll(isSubscribed).toBe(true);

    await backUp('vdb', {});

    const told = { kind: 'block-job', uuid: guest.uuid, disk: 'vdb', status: 'completed' };
    await expect.poll(() => events).toContainEqual(told);
    stop();
  });
});

function begin(disks: BackupRequest['disks'], checkpoint: BackupRequest['checkpoint'] = null): Promise<void> {
  return hypervisor.beginBackup(guest.uuid, { disks, checkpoint });
}

async function backUp(
  target: Target,
  { since = null, checkpoint }: { readonly since?: string | null; readonly checkpoint?: string },
): Promise<{ path: string; outcome: string }> {
  const path = await guest.makeTarget(target);
  const begins = checkpoint === undefined ? null : { name: checkpoint, targets: [target] };
  await begin([{ target, path, incremental: since }], begins);
  return { path, outcome: await settleBackup(hypervisor, guest.uuid) };
}

/** Goes on until it is aborted; its target. */
async function beginSlow(): Promise<string> {
  await guest.write('vda', 'write -P 1 0 300M');
  const path = await guest.makeTarget('vda');
  const disks = [{ target: 'vda', path, incremental: null }];
  await guest.beginSlowly(() => begin(disks, { name: 'slow', targets: ['vda'] }));
  return path;
}

async function listCheckpoints(): Promise<unknown> {
  const checkpoints = await hypervisor.listCheckpoints(guest.uuid);
  return checkpoints.map(({ name, parent, targets }) => ({ name, parent, targets }));
}

async function compare(one: string, other: string): Promise<string> {
  const { stdout } = await run('qemu-img', ['compare', '-f', 'qcow2', '-F', 'raw', one, other]);
  return stdout.trim();
}

async function countDataBytes(file: string): Promise<number> {
  const { stdout } = await run('qemu-img', ['map', '--output=json', file]);
  const extents: readonly { length: number; data: boolean }[] = JSON.parse(stdout);
  return extents.filter(({ data }) => data).reduce((sum, { length }) => sum + length, 0);
}

async function backingOf(file: string): Promise<string | undefined> {
  const { stdout } = await run('qemu-img', ['info', '--output=json', file]);
  const info: { 'backing-filename'?: string } = JSON.parse(stdout);
  return info['backing-filename'];
}
