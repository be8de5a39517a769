export interface Rate {
  readonly bytesPerSecond: number;
  /** null while nothing moves. */
  readonly remainingMs: number | null;
}

interface Sample {
  readonly atMs: number;
  readonly done: number;
}

const WINDOW_MS = 5000;

/** The rate over the last seconds, so that it follows what happens now. Times are of a monotonic clock. */
export function createRateMeter(): (sample: Sample, total: number) => Rate {
  let samples: Sample[] = [];
  return (sample, total) => {
    const last = samples.at(-1);
    if (last !== undefined && sample.done < last.done) samples = [];
    samples = [...samples.filter(({ atMs }) => sample.atMs - atMs <= WINDOW_MS), sample];
    return measure(samples[0] ?? sample, sample, total);
  };
}

function measure(first: Sample, last: Sample, total: number): Rate {
  const elapsedMs = last.atMs - first.atMs;
  const bytesPerSecond = elapsedMs <= 0 ? 0 : ((last.done - first.done) * 1000) / elapsedMs;
  const remainingMs = bytesPerSecond <= 0 ? null : ((total - last.done) * 1000) / bytesPerSecond;
  return { bytesPerSecond, remainingMs };
}
