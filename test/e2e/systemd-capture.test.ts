import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { operationSchema } from '../../src/api/schemas/operations.ts';
import { snapshotSchema } from '../../src/api/schemas/snapshots.ts';
import type { Operation } from '../../src/model/operation.ts';
import { assertClean, type GuestRecord, listDrafts, recordGuest } from './support/assert-clean.ts';
import {
  askHealth,
  changeSettings,
  darkroomJson,
  mainPid,
  readJournal,
  reloadUnit,
  showUnit,
  startUnit,
  tryDarkroom,
  UNIT,
  waitForSuccessor,
} from './support/darkroom-unit.ts';
import { readDiskChains } from './support/disk-chains.ts';
import { parseImage, readFileInImage } from './support/images.ts';
import { createLoopDevice, type LoopDevice } from './support/loop-device.ts';
import { bootSystemdHost, installDarkroom, type SystemdHost } from './support/systemd-host.ts';
import { bootTinyGuest, type Guest } from './support/tiny-guest.ts';
import { waitUntil } from './support/wait-until.ts';

const STORE = '/var/lib/darkroom/store';
const STOP_TIMEOUT_SECONDS = 3;
const SLOW_COPY = ['copy_bandwidth: 3MiB', `stop_timeout: ${STOP_TIMEOUT_SECONDS}`];

describe('captures by the agent, on a host with systemd and a libvirt of its own', () => {
  let device: LoopDevice;
  let host: SystemdHost;
  let guest: Guest;
  let before: GuestRecord;

  beforeAll(async () => {
    device = await createLoopDevice(64);
    host = await bootSystemdHost({ devices: [device.path] });
    await installDarkroom(host);
    guest = await bootTinyGuest({
      uri: host.uri,
      disks: [
        { target: 'vda', format: 'qcow2', backing: true },
        { target: 'vdb', format: 'raw', path: device.path },
      ],
    });
    before = await recordGuest(guest);
  });
  afterAll(async () => {
    await guest?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
    await device?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await startUnit(host);
  });

  it('makes an image of a running guest, with a disk that is a block device, and tells the journal whose and why', async () => {
    await guest.writeFile('/root/message', 'seen by systemd');
    const image = parseImage(await darkroomJson(host, ['image', 'create', guest.name, '--name', 'first']));
    expect(image.disks.map(({ target }) => target)).toEqual(['vda', 'vdb']);
    expect(image.consistency?.achieved).toBe('quiesced');
    expect(await readFileInImage(host.pathOf(STORE), image, { path: '/root/message' })).toBe('seen by systemd');
    await expectUntouched();

    const { id } = await newestOperation();
    const entries = await readJournal(host, [`OPERATION_ID=${id}`]);
    expect(entries.length).toBeGreaterThan(0);
    for (const entry of entries) {
      expect(entry).toMatchObject({ SYSLOG_IDENTIFIER: 'darkroom', _SYSTEMD_UNIT: UNIT, PRIORITY: expect.any(String) });
    }
    expect((await readJournal(host, [`INSTANCE_ID=${guest.uuid}`])).length).toBeGreaterThan(0);
  });

  it('takes snapshots of it, reads them again and deletes them, within the limits of its unit', async () => {
    const args = ['snapshot', 'create', '--instance', guest.name];
    const [first] = z.array(snapshotSchema).parse(await darkroomJson(host, args));
    const [second] = z.array(snapshotSchema).parse(await darkroomJson(host, args));
    expect([first?.method, second?.method]).toEqual(['full', 'bitmap']);
    await darkroomJson(host, ['snapshot', 'verify', second?.id ?? '', '--deep']);
    await darkroomJson(host, ['snapshot', 'delete', first?.id ?? '']);
    await darkroomJson(host, ['volume', 'create', '--from-snapshot', second?.id ?? '']);
    await expectUntouched();
  });

  it('row 55: kill -9 in the middle of a capture; the next agent puts the guest back on its own disks', async () => {
    const { id, pid } = await startSlowCapture('killed');
    await host.run('kill', ['-9', pid]);
    await waitForSuccessor(host, pid);
    // nobody has asked it for anything
    await waitUntil('the guest is on its own disks', isOnOwnDisks, { timeoutMs: 60_000 });
    await waitForEnd(id);
    expect(await showOperation(id)).toMatchObject({ status: 'interrupted' });
    const metrics = await host.run('curl', [
      '-s',
      '--unix-socket',
      '/run/darkroom/agent.sock',
      'http://localhost/metrics',
    ]);
    expect(metrics).toContain('darkroom_operations_total{kind="image.create",status="interrupted"} 1');
    await expectUntouched();
  });

  it('row 55: the whole service is killed, with what it had started', async () => {
    const { id, pid } = await startSlowCapture('killed with all');
    await host.run('systemctl', ['kill', '--signal=SIGKILL', '--kill-whom=all', UNIT]);
    await waitForSuccessor(host, pid);
    await waitUntil('the guest is on its own disks', isOnOwnDisks, { timeoutMs: 60_000 });
    await waitForEnd(id);
    expect(await showOperation(id)).toMatchObject({ status: 'interrupted' });
    await expectUntouched();
  });

  it('row 56: systemctl stop waits as long as it may, then cancels, and leaves the guest sane', async () => {
    const { id } = await startSlowCapture('stopped');
    const started = Date.now();
    await host.run('systemctl', ['stop', UNIT]);
    const elapsedMs = Date.now() - started;
    expect(elapsedMs).toBeGreaterThan(1000 * STOP_TIMEOUT_SECONDS - 500);
    expect(elapsedMs).toBeLessThan(1000 * STOP_TIMEOUT_SECONDS + 15_000);
    expect(await showUnit(host, ['Result', 'ExecMainStatus'])).toEqual({ Result: 'success', ExecMainStatus: '0' });
    expect(await isOnOwnDisks()).toBe(true);
    // by the socket, which starts it
    expect(await askHealth(host)).toBe('200');
    expect(await showOperation(id)).toMatchObject({ status: 'cancelled' });
    await expectUntouched();
  });

  it('row 56: systemctl stop lets a capture that is quick enough come to its end', async () => {
    await changeSettings(host, ['stop_timeout: 60']);
    await reloadUnit(host);
    const operation = await startCapture('let through');
    await host.run('systemctl', ['stop', UNIT]);
    expect(await askHealth(host)).toBe('200');
    expect(await showOperation(operation.id)).toMatchObject({ status: 'succeeded' });
    await expectUntouched();
  });

  it('lets alone what a command does by itself, also when it starts in the middle of that', async () => {
    await changeSettings(host, ['copy_bandwidth: 2MiB']);
    const byItself = ['--state-dir', '/var/lib/darkroom'];
    const command = tryDarkroom(host, ['image', 'create', guest.name, '--name', 'by itself', ...byItself]);
    await waitForOverlays();
    await startUnit(host, 'restart');
    expect(await isOnOwnDisks()).toBe(false);
    const refused = await tryDarkroom(host, ['image', 'create', guest.name, '--name', 'by the agent']);
    expect([refused.exitCode, refused.stderr]).toEqual([4, expect.stringContaining('INSTANCE_BUSY')]);
    expect(await command).toMatchObject({ exitCode: 0 });
    await expectUntouched();
  });

  it('goes on after libvirt was restarted under it', async () => {
    await changeSettings(host, []);
    await reloadUnit(host);
    const pid = await mainPid(host);
    await host.run('systemctl', ['restart', 'libvirtd.service']);
    await darkroomJson(host, ['image', 'create', guest.name, '--name', 'after libvirt']);
    expect(await mainPid(host)).toBe(pid);
    await expectUntouched();
  });

  /** Its copy takes ten seconds or so; resolves when it has begun. */
  async function startSlowCapture(name: string): Promise<{ readonly id: string; readonly pid: string }> {
    await changeSettings(host, SLOW_COPY);
    await reloadUnit(host);
    const { id } = await startCapture(name);
    await waitForOverlays();
    return { id, pid: await mainPid(host) };
  }

  async function waitForOverlays(): Promise<void> {
    const isUnderway = async (): Promise<boolean> => !(await isOnOwnDisks());
    await waitUntil('the guest is on overlays', isUnderway, { timeoutMs: 20_000, intervalMs: 20 });
  }

  async function startCapture(name: string): Promise<Operation> {
    return operationSchema.parse(
      await darkroomJson(host, ['image', 'create', guest.name, '--name', name, '--no-wait']),
    );
  }

  async function isOnOwnDisks(): Promise<boolean> {
    return JSON.stringify(await readDiskChains(guest)) === JSON.stringify(before.chains);
  }

  async function expectUntouched(): Promise<void> {
    await assertClean(before);
    expect(await listDrafts(host.pathOf(STORE))).toEqual([]);
  }

  async function showOperation(id: string): Promise<Operation> {
    return operationSchema.parse(await darkroomJson(host, ['operation', 'show', id]));
  }

  async function waitForEnd(id: string): Promise<void> {
    const isOver = async (): Promise<boolean> => (await showOperation(id)).endedAt !== null;
    await waitUntil('the operation has ended', isOver, { timeoutMs: 30_000 });
  }

  async function newestOperation(): Promise<Operation> {
    const [newest] = z.array(operationSchema).parse(await darkroomJson(host, ['operation', 'list', '--limit', '1']));
    if (newest === undefined) throw new Error('there is no operation');
    return newest;
  }
});
