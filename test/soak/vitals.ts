import { readdir, readFile, readlink } from 'node:fs/promises';

/** What a process holds: proc(5). */
export interface Vitals {
  /** What each open descriptor leads to: a path, or a kind such as `socket` where the rest is a number that says nothing. */
  readonly descriptors: readonly string[];
  readonly threads: number;
  readonly residentMiB: number;
}

/**
 * How much more it may hold at the end than after it was warm. A connection to libvirt is two descriptors; five of them may be
 * open or, after a death of libvirt, not yet open again.
 */
const MAY_GROW = { descriptors: 12, threads: 3, residentMiB: 30 };
/** The event loop of a thread: an epoll instance, an eventfd and a pipe. */
const DESCRIPTORS_PER_THREAD = 4;

export async function readVitals(pid: number): Promise<Vitals> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return {
    descriptors: await readDescriptors(pid),
    threads: field('Threads'),
    residentMiB: Math.round(field('VmRSS') / 1024),
  };
}

async function readDescriptors(pid: number): Promise<readonly string[]> {
  const folder = `/proc/${pid}/fd`;
  const ends = await Promise.allSettled((await readdir(folder)).map((name) => readlink(`${folder}/${name}`)));
  return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value.replace(/:\[\d+\]$/, '')] : [])).sort();
}

/** What has grown beyond its limit. */
export function compareVitals(warm: Vitals, end: Vitals): readonly string[] {
  const names = ['descriptors', 'threads', 'residentMiB'] as const;
  const counts = [count(warm), count(end)] as const;
  const moreThreads = Math.max(0, end.threads - warm.threads);
  const mayGrow = { ...MAY_GROW, descriptors: MAY_GROW.descriptors + DESCRIPTORS_PER_THREAD * moreThreads };
  return names
    .filter((name) => counts[1][name] > counts[0][name] + mayGrow[name])
    .map((name) => {
      const growth = `the agent's ${name} grew from ${counts[0][name]} to ${counts[1][name]}`;
      const which = name === 'descriptors' ? ` by ${newOnes(warm, end).join(', ')}` : '';
      return `${growth}${which}, allowed are ${mayGrow[name]} more`;
    });
}

export function describeVitals(vitals: Vitals): string {
  const { descriptors, threads, residentMiB } = count(vitals);
  return `${descriptors} descriptors, ${threads} threads, ${residentMiB} MiB`;
}

function count({ descriptors, ...others }: Vitals): typeof MAY_GROW {
  return { ...others, descriptors: descriptors.length };
}

function newOnes(warm: Vitals, end: Vitals): readonly string[] {
  const left = [...warm.descriptors];
  return end.descriptors.filter((descriptor) => {
    const index = left.indexOf(descriptor);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}
