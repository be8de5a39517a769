import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { beAlone } from './support/alone.ts';
import { assertClean, type GuestRecord, recordGuest } from './support/assert-clean.ts';
import { captureAndDie } from './support/kill-harness.ts';
import { runCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { useSharedGuest } from './support/shared-guest.ts';
import { listDisks, onDomain, shutDown } from './support/virsh.ts';

const BEFORE_COPY = { call: 'diskTool.convert', nth: 1, when: 'before' } as const;

const reportSchema = z.object({
  checks: z.array(z.object({ id: z.string(), status: z.string(), message: z.string(), isRepaired: z.boolean() })),
});
type Check = z.infer<typeof reportSchema>['checks'][number];

beAlone();

describe('doctor with the journal lost', () => {
  const guest = useSharedGuest({
    disks: [
      { target: 'vda', format: 'qcow2', backing: true },
      { target: 'vdb', format: 'raw', sizeMiB: 64 },
    ],
  });
  let darkroom: DarkroomHost;
  let before: GuestRecord;

  beforeAll(async () => {
    darkroom = await createDarkroomHost();
  });
  beforeEach(async () => {
    before = await recordGuest(guest());
  });
  afterAll(async () => {
    await darkroom?.[Symbol.asyncDispose]();
  });

  it('row 55: shows the overlays of a dead capture, and puts the guest back on its chain', async () => {
    await loseJournal();
    await guest().writeFile('/mnt/vdb/meanwhile', 'kept\n');
    expect(await leftovers()).toMatchObject([{ status: 'error', isRepaired: false }]);
    expect(await listOverlays()).toHaveLength(2);

    expect(await leftovers('--repair')).toMatchObject([{ status: 'ok', isRepaired: true }]);
    await assertClean(before);
    expect(await guest().readFile('/mnt/vdb/meanwhile')).toBe('kept\n');
    expect(await leftovers()).toMatchObject([{ status: 'ok' }]);
  });

  it('row 55: does so for a guest that was shut down since', async () => {
    await loseJournal();
    await guest().writeFile('/meanwhile', 'kept, too\n');
    await shutDown(guest());
    expect(await leftovers('--repair')).toMatchObject([{ status: 'ok', isRepaired: true }]);
    expect(await listOverlays()).toEqual([]);
    await guest().boot();
    await assertClean(before);
    expect(await guest().readFile('/meanwhile')).toBe('kept, too\n');
  });

  it('deletes an overlay that the guest has left already', async () => {
    const { file } = await createOverlay({ of: 'vda.qcow2', backing: 'vda.qcow2' });
    expect(await leftovers()).toMatchObject([{ status: 'warning', isRepaired: false }]);
    expect(await leftovers('--repair')).toMatchObject([{ status: 'ok', isRepaired: true }]);
    await expect(stat(file)).rejects.toThrow('ENOENT');
    await assertClean(before);
  });

  it.each([
    ['names another disk', 'vdb.raw'],
    ['names no disk', null],
  ])('never touches a file with a name of ours whose header %s', async (_what, backing) => {
    const { file } = await createOverlay({ of: 'vda.qcow2', backing });
    expect(await leftovers('--repair')).toMatchObject([{ status: 'warning', isRepaired: false }]);
    await stat(file);
    await rm(file);
    await assertClean(before);
  });

  it.each([
    ['a name of its own', () => 'vda.by-hand.qcow2', 'ok'],
    ['a name of ours for another disk', () => overlayName('vdb.raw'), 'warning'],
  ])('never touches a guest on an overlay of somebody else with %s', async (_what, name, expected) => {
    const file = path.join(guest().folder, name());
    const disks = ['--diskspec', `vda,file=${file}`, '--diskspec', 'vdb,snapshot=no'];
    await onDomain(guest(), 'snapshot-create-as', ['--no-metadata', '--disk-only', ...disks]);
    expect(await leftovers('--repair')).toMatchObject([{ status: expected, isRepaired: false }]);
    expect((await listDisks(guest())).get('vda')).toBe(file);
    await onDomain(guest(), 'blockcommit', ['vda', '--shallow', '--active', '--pivot', '--wait']);
    await rm(file);
    await assertClean(before);
  });

  async function loseJournal(): Promise<void> {
    await captureAndDie(darkroom, guest(), { name: 'lost', at: BEFORE_COPY });
    await rm(darkroom.stateDir, { recursive: true });
  }

  async function leftovers(...options: readonly string[]): Promise<readonly Check[]> {
    const result = await darkroom.run(['doctor', '--json', ...options]);
    const { checks } = reportSchema.parse(result.json());
    return checks.filter(({ id }) => id === 'leftover.overlay').filter(isOfGuest);
  }

  /** Others may have left something on this host. */
  function isOfGuest({ message, status }: Check): boolean {
    return message.includes(guest().name) || (status === 'ok' && message.startsWith('no overlay'));
  }

  async function listOverlays(): Promise<readonly string[]> {
    return [...(await listDisks(guest())).values()].filter((file) => file.endsWith('.overlay.qcow2'));
  }

  async function createOverlay(made: { of: string; backing: string | null }): Promise<{ readonly file: string }> {
    const file = path.join(guest().folder, overlayName(made.of));
    const base = made.backing === null ? ['1G'] : [];
    const format = made.backing === 'vdb.raw' ? 'raw' : 'qcow2';
    const backing = made.backing === null ? [] : ['-b', path.join(guest().folder, made.backing), '-F', format];
    await runCommand('qemu-img', ['create', '-q', '-f', 'qcow2', ...backing, file, ...base]);
    return { file };
  }
});

function overlayName(disk: string): string {
  return `${disk}.${randomUUID()}.overlay.qcow2`;
}
