import type { Operation } from '../../model/operation.ts';
import type { Output } from '../output.ts';
import type { Progress } from './progress.ts';

const MIN_INTERVAL_MS = 200;

/** A JSON document a line: at every change of step, and a few times a second while bytes move. */
export function createJsonProgress(output: Output, now: () => number = () => performance.now()): Progress {
  let last: { readonly step: string; readonly atMs: number } | null = null;
  return {
    update: (operation) => {
      const atMs = now();
      if (last !== null && last.step === operation.step && atMs - last.atMs < MIN_INTERVAL_MS) return;
      last = { step: operation.step, atMs };
      output.stderr.write(`${JSON.stringify(describe(operation))}\n`);
    },
    note: (message) => void output.stderr.write(`${JSON.stringify({ note: message })}\n`),
    end: () => {},
  };
}

function describe({ id, kind, status, step, progress }: Operation): object {
  return { operation: id, kind, status, step, progress };
}
