import { afterAll, beforeAll, describe, it } from 'vitest';
import { z } from 'zod';
import { createMount, type Mount } from '../e2e/support/loop-mount.ts';
import { runCommand } from '../e2e/support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from '../e2e/support/run-darkroom.ts';
import { defineTinyGuest, type Guest } from '../e2e/support/tiny-guest.ts';
import { bootFilled } from './fill-guest.ts';
import { report } from './report.ts';
import { median, round } from './statistics.ts';

const RUNS = 3;
const operationsSchema = z.array(z.object({ timings: z.record(z.string(), z.number()) }));

/** Milliseconds of a command without the time that the guest took to shut down. */
async function timed(darkroom: DarkroomHost, args: readonly string[]): Promise<number> {
  const started = performance.now();
  await darkroom.json(args);
  const totalMs = performance.now() - started;
  const [operation] = operationsSchema.parse(await darkroom.json(['operation', 'list']));
  return totalMs - (operation?.timings['stopMs'] ?? 0);
}

describe.each([
  { name: '1 GiB', sizeMiB: 1024 },
  { name: '20 GiB', sizeMiB: 20 * 1024 },
])('shelve by rename of $name', ({ name, sizeMiB }) => {
  let darkroom: DarkroomHost;
  let guest: Guest;

  beforeAll(async () => {
    darkroom = await createDarkroomHost();
    guest = await defineTinyGuest({ disks: [{ target: 'vda', format: 'qcow2', sizeMiB }] });
    await bootFilled(guest, 512);
  });
  afterAll(async () => {
    await guest?.[Symbol.asyncDispose]();
    await darkroom?.[Symbol.asyncDispose]();
  });

  it('takes the same time whatever the size', async () => {
    const shelves: number[] = [];
    const unshelves: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      shelves.push(await timed(darkroom, ['instance', 'shelve', guest.name]));
      unshelves.push(await timed(darkroom, ['instance', 'unshelve', guest.name]));
    }
    await report([
      row(`shelve by rename, ${name}`, median(shelves)),
      row(`unshelve by rename, ${name}`, median(unshelves)),
    ]);
  });

  function row(what: string, ms: number) {
    const limit = "within 2 s plus the guest's shutdown";
    return { what, ours: round(ms / 1000), theirs: null, unit: 's', limit, isMet: ms <= 2000 } as const;
  }
});

describe('shelve by copy of 1 GiB with 0.5 GiB of data', () => {
  let mount: Mount;
  let darkroom: DarkroomHost;
  let guest: Guest;

  beforeAll(async () => {
    mount = await createMount('ext4', 3 * 1024);
    darkroom = await createDarkroomHost({ store: `${mount.path}/store` });
    guest = await defineTinyGuest({ disks: [{ target: 'vda', format: 'qcow2', sizeMiB: 1024 }] });
    await bootFilled(guest, 512);
  });
  afterAll(async () => {
    await guest?.[Symbol.asyncDispose]();
    await darkroom?.[Symbol.asyncDispose]();
    await mount?.[Symbol.asyncDispose]();
  });

  it('against qemu-img convert alone', async () => {
    const ours: number[] = [];
    const copies: number[] = [];
    const theirs: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      await runCommand('sync', []);
      ours.push(await timed(darkroom, ['instance', 'shelve', guest.name]));
      const [operation] = operationsSchema.parse(await darkroom.json(['operation', 'list']));
      copies.push(operation?.timings['copyMs'] ?? 0);
      await darkroom.json(['instance', 'unshelve', guest.name, '--no-start']);
      await runCommand('sync', []);
      theirs.push(await convertAlone());
      await runCommand('virsh', ['-q', '-c', guest.uri, 'start', guest.name]);
    }
    const [ourMs, copyMs, theirMs] = [median(ours), median(copies), median(theirs)];
    const rows = [
      { what: 'shelve by copy, 0.5 GiB of data: the copy', ms: copyMs },
      { what: 'shelve by copy, 0.5 GiB of data: total, with sync, check, checksum', ms: ourMs },
    ];
    await report(
      rows.map(({ what, ms }) => ({
        what,
        ours: round(ms / 1000),
        theirs: round(theirMs / 1000),
        unit: 's' as const,
        limit: 'at most 1.15 of qemu-img convert',
        isMet: ms <= theirMs * 1.15,
      })),
    );
  });

  async function convertAlone(): Promise<number> {
    const [disk] = guest.disks;
    if (disk === undefined) throw new Error('the guest has no disk');
    const target = `${mount.path}/alone.qcow2`;
    const started = performance.now();
    await runCommand('qemu-img', ['convert', '-f', disk.format, '-O', 'qcow2', disk.path, target]);
    const ms = performance.now() - started;
    await runCommand('rm', [target]);
    return ms;
  }
});
