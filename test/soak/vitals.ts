import { readdir, readFile } from 'node:fs/promises';

/** What a process holds: proc(5). */
export interface Vitals {
  readonly descriptors: number;
  readonly threads: number;
  readonly residentMiB: number;
}

/** How much more it may hold at the end than after it was warm. */
const MAY_GROW: Vitals = { descriptors: 4, threads: 3, residentMiB: 30 };

export async function readVitals(pid: number): Promise<Vitals> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return {
    descriptors: (await readdir(`/proc/${pid}/fd`)).length,
    threads: field('Threads'),
    residentMiB: Math.round(field('VmRSS') / 1024),
  };
}

/** What has grown beyond its limit. */
export function compareVitals(warm: Vitals, end: Vitals): readonly string[] {
  const names = ['descriptors', 'threads', 'residentMiB'] as const;
  return names
    .filter((name) => end[name] > warm[name] + MAY_GROW[name])
    .map((name) => `the agent's ${name} grew from ${warm[name]} to ${end[name]}, allowed are ${MAY_GROW[name]} more`);
}

export function describeVitals({ descriptors, threads, residentMiB }: Vitals): string {
  return `${descriptors} descriptors, ${threads} threads, ${residentMiB} MiB`;
}
