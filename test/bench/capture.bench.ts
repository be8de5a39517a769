import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { z } from 'zod';
import { parseImage } from '../e2e/support/images.ts';
import { runCommand } from '../e2e/support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from '../e2e/support/run-darkroom.ts';
import { defineTinyGuest, type Guest } from '../e2e/support/tiny-guest.ts';
import { captureByHand } from './by-hand.ts';
import { bootFilled } from './fill-guest.ts';
import { lastFreezeMs, logAgent } from './freeze-window.ts';
import { peakMemoryMiB } from './peak-memory.ts';
import { report } from './report.ts';
import { median, round } from './statistics.ts';

const listSchema = z.array(z.object({ timings: z.record(z.string(), z.number()) }));

const MIB = 1024 * 1024;
const REST_MS = 2_000;
const RUNS = Number(process.env['DARKROOM_BENCH_RUNS'] ?? 5);

const SIZES = [
  { name: '1 GiB with 0.5 GiB of data', sizeMiB: 1024, dataMiB: 512 },
  { name: '8 GiB with 3 GiB of data', sizeMiB: 8192, dataMiB: 3072 },
];

interface Sample {
  readonly totalMs: number;
  readonly verifiedMs: number;
  readonly freezeMs: number;
  readonly bytes: number;
  readonly timings: Readonly<Record<string, number>>;
}

/** What a capture is made of, as its operation recorded it. */
const PARTS = ['freezeCallMs', 'snapshotCallMs', 'thawCallMs', 'copyMs', 'commitMs', 'verifyMs'];

describe.each(SIZES)('capture of $name', ({ name, sizeMiB, dataMiB }) => {
  let guest: Guest;
  let darkroom: DarkroomHost;

  beforeAll(async () => {
    guest = await defineTinyGuest({ disks: [{ target: 'vda', format: 'qcow2', sizeMiB }] });
    await bootFilled(guest, dataMiB);
    await logAgent(guest);
    darkroom = await createDarkroomHost();
  });
  afterAll(async () => {
    await darkroom[Symbol.asyncDispose]();
    await guest[Symbol.asyncDispose]();
  });

  it('against the same steps by hand', async () => {
    const ours: Sample[] = [];
    const hand: Sample[] = [];
    for (let run = 0; run < RUNS; run++) {
      // neither always comes after the other, on a disk that is still busy with it
      if (run % 2 === 0) hand.push(await rested(byHand));
      ours.push(await rested(byDarkroom));
      if (run % 2 === 1) hand.push(await rested(byHand));
    }
    const middle = (samples: readonly Sample[], key: Exclude<keyof Sample, 'timings'>) =>
      median(samples.map((sample) => sample[key]));
    const [ourMs, handMs] = [middle(ours, 'totalMs'), middle(hand, 'totalMs')];
    const handVerifiedMs = middle(hand, 'verifiedMs');
    const [ourFreeze, handFreeze] = [middle(ours, 'freezeMs'), middle(hand, 'freezeMs')];
    const [ourBytes, handBytes] = [middle(ours, 'bytes'), middle(hand, 'bytes')];
    const memory = await peakMemoryMiB(darkroom, ['image', 'create', guest.name, '--name', 'memory']);
    await report([
      {
        what: `${name}: frozen`,
        ours: round(ourFreeze),
        theirs: round(handFreeze),
        unit: 'ms',
        limit: 'at most 1.0 of by hand',
        isMet: ourFreeze <= handFreeze,
      },
      ...PARTS.map((part) => ({
        what: `${name}: of it ${part.replace(/(Call)?Ms$/, '')}`,
        ours: round(median(ours.map(({ timings }) => timings[part] ?? 0))),
        theirs: null,
        unit: 'ms' as const,
        limit: '',
        isMet: null,
      })),
      {
        what: `${name}: total`,
        ours: round(ourMs / 1000),
        theirs: round(handMs / 1000),
        unit: 's',
        limit: 'at most 1.05 of by hand + 0.3 s',
        isMet: ourMs <= handMs * 1.05 + 300,
      },
      {
        what: `${name}: total, by hand with sync, check and sha256sum`,
        ours: round(ourMs / 1000),
        theirs: round(handVerifiedMs / 1000),
        unit: 's',
        limit: 'for comparison: at most 1.05 + 0.3 s',
        isMet: ourMs <= handVerifiedMs * 1.05 + 300,
      },
      {
        what: `${name}: written`,
        ours: round(ourBytes / MIB),
        theirs: round(handBytes / MIB),
        unit: 'MiB',
        limit: 'at most 1.02 of by hand',
        isMet: ourBytes <= handBytes * 1.02,
      },
      {
        what: `${name}: memory`,
        ours: round(memory),
        theirs: null,
        unit: 'MiB',
        limit: 'under 150 MB',
        isMet: memory * MIB < 150e6,
      },
    ]);
  });

  async function rested<T>(work: () => Promise<T>): Promise<T> {
    await runCommand('sync', []);
    await sleep(REST_MS);
    return work();
  }

  async function byHand(): Promise<Sample> {
    const target = path.join(darkroom.folder, 'by-hand.qcow2');
    const { totalMs, verifiedMs, bytes } = await captureByHand(guest, target);
    await rm(target);
    return { totalMs, verifiedMs, bytes, timings: {}, freezeMs: await lastFreezeMs(guest) };
  }

  async function byDarkroom(): Promise<Sample> {
    const started = performance.now();
    const image = parseImage(await darkroom.json(['image', 'create', guest.name, '--name', 'bench']));
    const totalMs = performance.now() - started;
    const [disk] = image.disks;
    const file = path.join(darkroom.store, 'images', image.id, disk?.file ?? '');
    const bytes = (await stat(file)).blocks * 512;
    const [operation] = listSchema.parse(await darkroom.json(['operation', 'list']));
    await darkroom.json(['image', 'delete', image.id]);
    return {
      totalMs,
      verifiedMs: totalMs,
      bytes,
      timings: operation?.timings ?? {},
      freezeMs: await lastFreezeMs(guest),
    };
  }
});
