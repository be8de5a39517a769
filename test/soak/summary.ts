import type { DeathCount } from './deaths.ts';
import type { Ledger } from './ledger.ts';
import type { SoakOptions } from './options.ts';
import { describeVitals, type Vitals } from './vitals.ts';

export interface Facts {
  readonly options: SoakOptions;
  readonly ledger: Ledger;
  readonly count: DeathCount;
  readonly vitals: readonly [Vitals, Vitals] | null;
  readonly seconds: number;
  readonly startsMs: readonly number[];
  readonly keptFolder: string | null;
}

/** What a run did, for people. */
export function summarise({ options, ledger, count, vitals, seconds, startsMs, keptFolder }: Facts): string {
  const { seed, guests } = options;
  const outcomes = [...ledger.outcomes].sort().map(([outcome, times]) => `  ${String(times).padStart(4)}  ${outcome}`);
  const slowestMs = Math.round(Math.max(...startsMs));
  return [
    `soak: seed ${seed}, ${guests} guests, ${ledger.operations} operations in ${seconds} s:`,
    ...outcomes,
    `killed: the agent ${count.agent} times, libvirt ${count.libvirtKilled} times; libvirt stopped ${count.libvirtStopped} times`,
    `the agent started ${startsMs.length} times and put right what was left; the slowest answered after ${slowestMs} ms`,
    ...(vitals === null
      ? []
      : [`it held ${describeVitals(vitals[0])} when warm, ${describeVitals(vitals[1])} at the end`]),
    ledger.wrongs.length === 0 ? 'nothing is wrong' : `${ledger.wrongs.length} things are wrong:`,
    ...ledger.wrongs.map((wrong) => `  ${wrong}`),
    ...(keptFolder === null ? [] : [`left for a look: ${keptFolder}; the same again: DARKROOM_SOAK_SEED=${seed}`]),
  ].join('\n');
}
