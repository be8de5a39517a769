import { expect, it } from 'vitest';
import { runSoak } from '../soak/soak.ts';

const TIMEOUT_MS = 400_000;

/** The short form of `npm run soak`. */
it(
  '30 operations on 4 guests, with agent and libvirt killed at random, leave everything right',
  async () => {
    const report = await runSoak({
      ...{ seed: 4, operations: 30, guests: 4, clients: 4, limitMs: 150_000, calmPart: 0.4, bootedImages: 1 },
      ...{ agentDiesEveryMs: [1_000, 5_000], libvirtDiesEveryMs: [3_000, 10_000], libvirtIsAwayMs: 2_000 },
      say: (line) => void process.stdout.write(`${line}\n`),
    });
    expect(report.wrongs).toEqual([]);
    expect(report.deaths.agent).toBeGreaterThan(1);
    expect(report.deaths.libvirtKilled + report.deaths.libvirtStopped).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
