import type { CallPoint, CaptureFact } from './kill-harness.ts';

/** Half of it is done, on the other side of a socket or by another process, when its caller dies; after how many milliseconds. */
const CUT_SHORT_MS: Readonly<Record<string, number>> = {
  'hypervisor.freezeFileSystems': 2,
  'hypervisor.suspendDomain': 2,
  'hypervisor.beginBackup': 4,
  'hypervisor.deleteCheckpoint': 2,
  'diskTool.convert': 60,
  'diskTool.rebase': 40,
  'diskTool.commit': 20,
  'diskTool.copyDirty': 60,
};

export interface PointChoice {
  /** Calls before which it dies as well. */
  readonly before: readonly string[];
  /** Of calls that are made many times for one thing each: of how many of them it dies. */
  readonly atMost?: Readonly<Record<string, number>>;
}

/** Where an operation with such a course dies: after every call that changes something, in the middle of those that others do. */
export function pointsOf(facts: readonly CaptureFact[], { before, atMost = {} }: PointChoice): readonly CallPoint[] {
  return facts.flatMap(({ call, nth = 1 }) => {
    if (call === undefined || nth > (atMost[call] ?? Number.POSITIVE_INFINITY)) return [];
    const afterMs = CUT_SHORT_MS[call];
    return [
      ...(before.includes(call) ? [{ call, nth, when: 'before' as const }] : []),
      ...(afterMs === undefined ? [] : [{ call, nth, when: 'during' as const, afterMs }]),
      { call, nth, when: 'after' as const },
    ];
  });
}
