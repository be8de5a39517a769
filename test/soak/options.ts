/** What a run of the soak is made of; the environment chooses. */
export interface SoakOptions {
  readonly seed: number;
  readonly operations: number;
  readonly guests: number;
  /** Clients that work at once. */
  readonly clients: number;
  /** The whole run is given up after that long. */
  readonly limitMs: number;
  /** Bounds of the time between two deaths, drawn anew each time. */
  readonly agentDiesEveryMs: readonly [number, number];
  readonly libvirtDiesEveryMs: readonly [number, number];
  /** Longest absence of libvirt. */
  readonly libvirtIsAwayMs: number;
  /** Part of the operations that are done by one process of the agent, which is measured at both ends of it. */
  readonly calmPart: number;
  /** Images that are launched at the end, to see them boot. */
  readonly bootedImages: number;
  readonly say: (line: string) => void;
}

const MINUTE_MS = 60_000;

/** DARKROOM_SOAK_SEED, DARKROOM_SOAK_OPERATIONS, DARKROOM_SOAK_GUESTS, DARKROOM_SOAK_MINUTES. */
export function readSoakOptions(env: NodeJS.ProcessEnv, say: (line: string) => void): SoakOptions {
  const number = (name: string, fallback: number): number => {
    const value = Number(env[name] ?? fallback);
    if (Number.isInteger(value) && value > 0) return value;
    throw new Error(`${name} must be a whole number of at least 1, seen: ${env[name]}`);
  };
  return {
    seed: number('DARKROOM_SOAK_SEED', Math.floor(Date.now() / 1000) % 1_000_000),
    operations: number('DARKROOM_SOAK_OPERATIONS', 200),
    guests: number('DARKROOM_SOAK_GUESTS', 20),
    clients: 8,
    limitMs: number('DARKROOM_SOAK_MINUTES', 30) * MINUTE_MS,
    agentDiesEveryMs: [2_000, 12_000],
    libvirtDiesEveryMs: [6_000, 25_000],
    libvirtIsAwayMs: 4_000,
    calmPart: 0.4,
    bootedImages: 2,
    say,
  };
}
