import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { assertClean, findProcesses, type GuestRecord, recordGuest } from './support/assert-clean.ts';
import type { RunningCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { useSharedGuest } from './support/shared-guest.ts';
import { waitUntil } from './support/wait-until.ts';

const SLOW_COPY = { DARKROOM_COPY_BANDWIDTH: '4MiB' };

const operationSchema = z.object({
  id: z.string(),
  status: z.string(),
  step: z.string(),
  error: z.object({ code: z.string() }).nullable(),
});

describe('a capture that is ended or met by others', () => {
  const guest = useSharedGuest({
    disks: [
      { target: 'vda', format: 'qcow2', backing: true },
      { target: 'vdb', format: 'raw', sizeMiB: 64 },
    ],
  });
  let darkroom: DarkroomHost;
  let before: GuestRecord;
  let images: number;

  beforeAll(async () => {
    darkroom = await createDarkroomHost();
    before = await recordGuest(guest());
  });
  beforeEach(async () => {
    images = await countImages();
  });
  afterAll(async () => {
    await darkroom?.[Symbol.asyncDispose]();
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'row 24: undoes itself on %s while it copies, and exits 130',
    async (signal) => {
      const create = await startCopying();
      create.kill(signal);
      expect((await create.ended).exitCode).toBe(130);
      expect(await newest()).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } });
      await expectUntouched();
    },
  );

  it('row 24: undoes itself, or is done, on Ctrl-C at whatever moment', async () => {
    const exitCodes = new Set<number>();
    for (let delayMs = 0; delayMs < 2400; delayMs += 150) {
      const known = await countImages();
      const create = start();
      await sleep(delayMs);
      create.kill('SIGINT');
      const { exitCode, stderr } = await create.ended;
      exitCodes.add(exitCode);
      expect([0, 130], `after ${delayMs} ms: ${stderr}`).toContain(exitCode);
      expect(await countImages(), `after ${delayMs} ms`).toBe(exitCode === 0 ? known + 1 : known);
      await assertClean(before, darkroom);
    }
    expect(exitCodes).toContain(130);
  });

  it('row 24: undoes itself when a second terminal cancels it', async () => {
    const create = await startCopying();
    const { id } = await newest();
    await darkroom.json(['operation', 'cancel', id]);
    expect((await create.ended).exitCode).toBe(130);
    expect(await newest()).toMatchObject({ id, status: 'cancelled' });
    await expectUntouched();
    expect((await darkroom.run(['operation', 'cancel', id])).exitCode).toBe(4);
  });

  it('row 7: a second capture of the instance is a conflict at once, and makes no image', async () => {
    const create = await startCopying();
    let isOver = false;
    void create.ended.then(() => {
      isOver = true;
    });
    const second = await darkroom.run(['image', 'create', guest().name, '--name', 'second', '--json']);
    expect(isOver, 'the first was waited for').toBe(false);
    expect(second).toMatchObject({ exitCode: 4 });
    expect(second.stdout + second.stderr).toContain('INSTANCE_BUSY');
    expect((await create.ended).exitCode).toBe(0);
    expect(await countImages()).toBe(images + 1);
    await assertClean(before, darkroom);
  });

  it('is followed to its end from a second terminal', async () => {
    const create = await startCopying();
    const { id } = await newest();
    const watched = await darkroom.run(['operation', 'watch', id, '--json']);
    expect(watched.exitCode).toBe(0);
    expect(operationSchema.parse(watched.json())).toMatchObject({ id, status: 'succeeded' });
    expect(watched.jsonLines().length).toBeGreaterThan(2);
    expect((await create.ended).exitCode).toBe(0);
    await assertClean(before, darkroom);
  });

  it('row 55: leaves no qemu-img behind when it is killed while it copies, and the disk can be committed', async () => {
    const create = await startCopying();
    create.kill('SIGKILL');
    await create.ended;
    // any list of volumes, of whatever test, looks at the disks of all guests for a moment
    const isQuiet = async (): Promise<boolean> =>
      (await findProcesses('qemu-img', [guest().folder])).every((args) => args.startsWith('info --force-share '));
    // the copy would go on for longer
    await waitUntil('no qemu-img is left', isQuiet, { timeoutMs: 4000 });
    await darkroom.json(['instance', 'list']);
    expect(await newest()).toMatchObject({ status: 'interrupted' });
    await expectUntouched();
  });

  function start(env: Readonly<Record<string, string>> = {}): RunningCommand {
    return darkroom.start(['image', 'create', guest().name, '--name', 'to be ended', '--json'], { env });
  }

  /** Its qemu-img works, and will for some seconds. */
  async function startCopying(): Promise<RunningCommand> {
    const create = start(SLOW_COPY);
    const isCopying = async (): Promise<boolean> => (await findProcesses('qemu-img', [darkroom.store])).some(isConvert);
    await waitUntil('a disk is copied', isCopying, { timeoutMs: 30_000, intervalMs: 50 });
    return create;
  }

  async function newest(): Promise<z.infer<typeof operationSchema>> {
    const [operation] = z.array(operationSchema).parse(await darkroom.json(['operation', 'list', '--limit', '1']));
    if (operation === undefined) throw new Error('there is no operation');
    return operation;
  }

  async function expectUntouched(): Promise<void> {
    await assertClean(before, darkroom);
    expect(await countImages()).toBe(images);
  }

  async function countImages(): Promise<number> {
    return (await readdir(path.join(darkroom.store, 'images')).catch(() => [])).length;
  }
});

function isConvert(commandLine: string): boolean {
  return commandLine.startsWith('convert');
}
