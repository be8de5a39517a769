import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Snapshot } from '../../src/model/snapshot/snapshot.ts';
import { runInGuest } from '../e2e/support/guest-agent.ts';
import { runCommand } from '../e2e/support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from '../e2e/support/run-darkroom.ts';
import { startAgent } from '../e2e/support/running-agent.ts';
import { takeSnapshot } from '../e2e/support/snapshots.ts';
import { bootTinyGuest, defineTinyGuest, type Guest } from '../e2e/support/tiny-guest.ts';
import { bootFilled } from './fill-guest.ts';
import { createNbdBackup } from './nbd-backup.ts';
import { report } from './report.ts';
import { median, round } from './statistics.ts';

const MIB = 1024 * 1024;
const REST_MS = 2_000;
const RUNS = Number(process.env['DARKROOM_BENCH_RUNS'] ?? 5);
const CHANGE_MIB = 64;

interface Taken {
  readonly snapshot: Snapshot;
  readonly ms: number;
}

async function rest(): Promise<void> {
  await runCommand('sync', []);
  await sleep(REST_MS);
}

async function take(darkroom: DarkroomHost, volume: string, args: readonly string[] = []): Promise<Taken> {
  const started = performance.now();
  const snapshot = await takeSnapshot(darkroom, volume, args);
  return { snapshot, ms: performance.now() - started };
}

describe(`a change of ${CHANGE_MIB} MiB in volumes of two sizes`, () => {
  let guest: Guest;
  let darkroom: DarkroomHost;

  beforeAll(async () => {
    guest = await bootTinyGuest({
      disks: [
        { target: 'vda', format: 'qcow2' },
        { target: 'vdb', format: 'qcow2', sizeMiB: 1024 },
        { target: 'vdc', format: 'qcow2', sizeMiB: 20 * 1024 },
      ],
    });
    darkroom = await createDarkroomHost();
    for (const target of ['vdb', 'vdc']) await take(darkroom, `${guest.name}/${target}`);
  });
  afterAll(async () => {
    await darkroom?.[Symbol.asyncDispose]();
    await guest?.[Symbol.asyncDispose]();
  });

  it('costs what changed', { timeout: 1_200_000 }, async () => {
    const times: Record<string, number[]> = { vdb: [], vdc: [] };
    const stored: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      for (const target of ['vdb', 'vdc']) {
        await runInGuest(
          guest,
          `dd if=/dev/urandom of=/mnt/${target}/change bs=1M count=${CHANGE_MIB} conv=notrunc,fsync 2>/dev/null`,
        );
        await rest();
        const { snapshot, ms } = await take(darkroom, `${guest.name}/${target}`);
        times[target]?.push(ms);
        stored.push(snapshot.storedBytes);
      }
    }
    const [small, large] = [median(times['vdb'] ?? []), median(times['vdc'] ?? [])];
    const storedMiB = Math.max(...stored) / MIB;
    await report([
      {
        what: `${CHANGE_MIB} MiB changed in 20 GiB, against the same in 1 GiB`,
        ours: round(large / 1000),
        theirs: round(small / 1000),
        unit: 's',
        limit: 'at most 1.3 of it',
        isMet: large <= 1.3 * small,
      },
      {
        what: `${CHANGE_MIB} MiB changed: stored at most`,
        ours: round(storedMiB),
        theirs: CHANGE_MIB,
        unit: 'MiB',
        limit: 'at most 1.2 of the change',
        isMet: storedMiB <= 1.2 * CHANGE_MIB,
      },
    ]);
  });
});

describe('beside virtnbdbackup, on the same guest', () => {
  let guest: Guest;
  let darkroom: DarkroomHost;

  beforeAll(async () => {
    guest = await defineTinyGuest({ disks: [{ target: 'vda', format: 'qcow2', sizeMiB: 2048 }] });
    await bootFilled(guest, 600);
    darkroom = await createDarkroomHost();
  });
  afterAll(async () => {
    await darkroom?.[Symbol.asyncDispose]();
    await guest?.[Symbol.asyncDispose]();
  });

  it('takes a full, increments and a restore', { timeout: 1_800_000 }, async () => {
    const ours = {
      full: [] as number[],
      increment: [] as number[],
      served: [] as number[],
      restore: [] as number[],
    };
    const theirs = { full: [] as number[], increment: [] as number[], restore: [] as number[] };
    const rounds = Math.min(RUNS, 3);
    for (let run = 0; run < rounds; run += 1) {
      // one after the other: virtnbdbackup refuses a guest with checkpoints of others
      const nbd = createNbdBackup(guest, 'vda');
      await rest();
      theirs.full.push(await nbd.full());
      await change();
      theirs.increment.push(await nbd.increment());
      await rest();
      theirs.restore.push(await nbd.restore());
      await rm(path.join(guest.folder, 'nbd-backup'), { recursive: true });
      await rm(path.join(guest.folder, 'nbd-restored'), { recursive: true });
      await dropCheckpoints();
      await rest();
      ours.full.push((await take(darkroom, `${guest.name}/vda`, ['--full'])).ms);
      await change();
      const { snapshot, ms } = await take(darkroom, `${guest.name}/vda`);
      ours.increment.push(ms);
      ours.served.push(await takeThroughAgent());
      await rest();
      ours.restore.push(await restore(snapshot));
      await dropCheckpoints();
    }
    await report([
      row('full', { ours: median(ours.full), theirs: median(theirs.full), limit: 0.6 }),
      row(`increment of ${CHANGE_MIB} MiB`, {
        ours: median(ours.increment),
        theirs: median(theirs.increment),
        limit: 0.4,
      }),
      row(`increment of ${CHANGE_MIB} MiB through the agent`, {
        ours: median(ours.served),
        theirs: median(theirs.increment),
        limit: 0.4,
      }),
      row('restore into a new volume', { ours: median(ours.restore), theirs: median(theirs.restore), limit: 0.5 }),
      {
        what: `increment of ${CHANGE_MIB} MiB, against reading the volume again (--full)`,
        ours: round(median(ours.increment) / 1000),
        theirs: round(median(ours.full) / 1000),
        unit: 's',
        limit: 'for comparison',
        isMet: null,
      },
    ]);
  });

  function row(what: string, { ours, theirs, limit }: { ours: number; theirs: number; limit: number }) {
    return {
      what: `${what}, 0.6 GiB of data, against virtnbdbackup`,
      ours: round(ours / 1000),
      theirs: round(theirs / 1000),
      unit: 's' as const,
      limit: `at most ${limit} of it`,
      isMet: ours <= limit * theirs,
    };
  }

  async function change(): Promise<void> {
    await runInGuest(guest, `dd if=/dev/urandom of=/data-0 bs=1M count=${CHANGE_MIB} conv=notrunc,fsync 2>/dev/null`);
    await rest();
  }

  /** As a compute node has it: the work is done by the daemon. */
  async function takeThroughAgent(): Promise<number> {
    await using _agent = await startAgent(darkroom);
    await change();
    // what a test's variables say would keep the work in the process of the command
    return (await take(darkroom, `${guest.name}/vda`, ['--socket', path.join(darkroom.folder, 'agent.sock')])).ms;
  }

  async function restore(snapshot: Snapshot): Promise<number> {
    const file = path.join(guest.folder, 'restored.qcow2');
    const started = performance.now();
    await darkroom.json(['volume', 'create', '--from-snapshot', snapshot.id, '--file', file]);
    const ms = performance.now() - started;
    await rm(file);
    return ms;
  }

  async function dropCheckpoints(): Promise<void> {
    const list = await runCommand('virsh', ['-q', 'checkpoint-list', guest.name, '--name']);
    for (const name of list.split('\n').filter((each) => each.trim() !== ''))
      await runCommand('virsh', ['-q', 'checkpoint-delete', guest.name, name]);
  }
});
