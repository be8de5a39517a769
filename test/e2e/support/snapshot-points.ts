import type { CallPoint, CaptureFact } from './kill-harness.ts';

/** Half of it is done, on the other side of a socket or by another process, when its caller dies; after how many milliseconds. */
const CUT_SHORT_MS: Readonly<Record<string, number>> = {
  'hypervisor.freezeFileSystems': 2,
  'hypervisor.beginBackup': 4,
  'hypervisor.deleteCheckpoint': 2,
  'diskTool.convert': 40,
  'diskTool.commit': 20,
  'diskTool.copyDirty': 60,
};

export interface PointChoice {
  /** Calls before which it dies as well. */
  readonly before?: readonly string[];
  /** Of what is done once for each disk or each file: of how many of these calls it dies. */
  readonly atMost?: Readonly<Record<string, number>>;
}

export interface DeathPoint extends CallPoint {
  /** The step that the journal names by then. */
  readonly step: string;
}

/** Where an operation with such a course dies: after every call that changes something, in the middle of those that others do. */
export function pointsOf(facts: readonly CaptureFact[], choice: PointChoice = {}): readonly DeathPoint[] {
  const { before = [], atMost = {} } = choice;
  let entered = '';
  return facts.flatMap(({ call, nth = 1, step }) => {
    if (call === undefined) return [];
    const previous = entered;
    entered = step ?? entered;
    if (nth > (atMost[call] ?? Number.POSITIVE_INFINITY)) return [];
    const afterMs = CUT_SHORT_MS[call];
    return [
      ...(before.includes(call) ? [{ call, nth, when: 'before' as const, step: previous }] : []),
      ...(afterMs === undefined ? [] : [{ call, nth, when: 'during' as const, afterMs, step: previous }]),
      { call, nth, when: 'after' as const, step: entered },
    ];
  });
}

/** Every second of them, so that all tests together stay short; all with DARKROOM_TEST_WHOLE=1. */
export function selectPoints(points: readonly DeathPoint[]): readonly DeathPoint[] {
  return process.env['DARKROOM_TEST_WHOLE'] === '1' ? points : points.filter((_each, index) => index % 2 === 0);
}

export function nameOf({ when, call, nth, step }: DeathPoint): string {
  return `${when} ${call} ${nth}, in step ${step}`;
}

/** A failure says where the process had died. */
export async function labelled(label: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw new Error(`${label}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
