import { setTimeout as sleep } from 'node:timers/promises';
import type { SoakOptions } from './options.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

export interface DeathCount {
  agent: number;
  libvirtKilled: number;
  libvirtStopped: number;
}

export interface Deaths {
  readonly count: DeathCount;
  /** No more of them; resolves when all that died is back. */
  end(): Promise<void>;
}

interface Hand {
  readonly world: World;
  readonly random: Random;
  readonly count: DeathCount;
  readonly options: SoakOptions;
}

/** Kills the agent again and again until told to end, whatever it is doing. */
export function killAgent({ world, random, count, options }: Hand): Deaths {
  return repeat(
    count,
    () => random.between(options.agentDiesEveryMs),
    async () => {
      count.agent += 1;
      await world.agent.die();
    },
  );
}

/** Kills libvirt, or stops it, and starts it again after a while. Guests live on. */
export function killLibvirt({ world, random, count, options }: Hand): Deaths {
  return repeat(
    count,
    () => random.between(options.libvirtDiesEveryMs),
    async () => {
      const signal = random.pick(['SIGKILL', 'SIGTERM'] as const);
      count[signal === 'SIGKILL' ? 'libvirtKilled' : 'libvirtStopped'] += 1;
      await world.host.stop(signal);
      await sleep(random.between([0, options.libvirtIsAwayMs]));
      await world.host.start();
    },
  );
}

function repeat(count: DeathCount, pauseMs: () => number, strike: () => Promise<void>): Deaths {
  const over = new AbortController();
  const run = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await sleep(pauseMs(), undefined, { signal: over.signal }).catch(() => undefined);
      if (!over.signal.aborted) await strike();
    }
  };
  const running = run();
  // told when it is waited for
  running.catch(() => undefined);
  return {
    count,
    end: async () => {
      over.abort();
      await running;
    },
  };
}
