import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { parseImage } from '../e2e/support/images.ts';
import { createDarkroomHost, type DarkroomHost } from '../e2e/support/run-darkroom.ts';
import { bootTinyGuest, type Guest } from '../e2e/support/tiny-guest.ts';
import { captureByHand } from './by-hand.ts';
import { fillGuest } from './fill-guest.ts';
import { lastFreezeMs, logAgent } from './freeze-window.ts';
import { peakMemoryMiB } from './peak-memory.ts';
import { report } from './report.ts';
import { median, round } from './statistics.ts';

const MIB = 1024 * 1024;
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
}

describe.each(SIZES)('capture of $name', ({ name, sizeMiB, dataMiB }) => {
  let guest: Guest;
  let darkroom: DarkroomHost;

  beforeAll(async () => {
    guest = await bootTinyGuest({ disks: [{ target: 'vda', format: 'qcow2', sizeMiB }] });
    await fillGuest(guest, dataMiB);
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
      hand.push(await byHand());
      ours.push(await byDarkroom());
    }
    const middle = (samples: readonly Sample[], key: keyof Sample) => median(samples.map((sample) => sample[key]));
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

  async function byHand(): Promise<Sample> {
    const target = path.join(darkroom.folder, 'by-hand.qcow2');
    const { totalMs, verifiedMs, bytes } = await captureByHand(guest, target);
    await rm(target);
    return { totalMs, verifiedMs, bytes, freezeMs: await lastFreezeMs(guest) };
  }

  async function byDarkroom(): Promise<Sample> {
    const started = performance.now();
    const image = parseImage(await darkroom.json(['image', 'create', guest.name, '--name', 'bench']));
    const totalMs = performance.now() - started;
    const [disk] = image.disks;
    const file = path.join(darkroom.store, 'images', image.id, disk?.file ?? '');
    const bytes = (await stat(file)).blocks * 512;
    await darkroom.json(['image', 'delete', image.id]);
    return { totalMs, verifiedMs: totalMs, bytes, freezeMs: await lastFreezeMs(guest) };
  }
});
