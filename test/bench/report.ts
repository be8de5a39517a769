import { appendFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** One measured comparison: medians of both ways, in the same run on the same guest. */
export interface BenchRow {
  readonly what: string;
  readonly ours: number;
  readonly theirs: number | null;
  readonly unit: 'ms' | 's' | 'MiB' | '%';
  /** ours / theirs, or ours where there is nothing to compare with. */
  readonly limit: string;
  /** null: a part of the row above, for the eye. */
  readonly isMet: boolean | null;
}

const RESULTS =
  process.env['DARKROOM_BENCH_RESULTS'] ?? fileURLToPath(new URL('../../bench-results.jsonl', import.meta.url));

/** Appends to the results, one JSON document a line. scripts/bench prints them as a table. */
export async function report(rows: readonly BenchRow[]): Promise<void> {
  await mkdir(path.dirname(RESULTS), { recursive: true });
  await appendFile(RESULTS, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}
