import type { Operation } from '../../model/operation.ts';
import type { Output } from '../output.ts';
import { describeProgress, percentOf } from './operation.ts';
import type { Progress } from './progress.ts';
import { createRateMeter } from './rate-meter.ts';
import { formatBytes, printable } from './text.ts';

const TENTH = 10;

/** Plain lines for logs: at every change of step and at every tenth of its bytes. */
export function createLineProgress(output: Output, now: () => number = () => performance.now()): Progress {
  let shown = '';
  let meter = createRateMeter();
  let step = '';
  return {
    update: (operation) => {
      if (operation.step !== step) meter = createRateMeter();
      step = operation.step;
      const mark = `${step} ${tenthOf(operation)}`;
      const rate = describeRate(operation, { meter, atMs: now() });
      if (mark === shown || step === '' || operation.status !== 'running') return;
      shown = mark;
      output.stderr.write(`${printable(operation.target)}: ${printable(step)}${rate}\n`);
    },
    note: (message) => void output.stderr.write(`${message}\n`),
    end: () => {},
  };
}

function tenthOf({ progress }: Operation): number {
  return progress === null ? 0 : Math.floor(percentOf(progress) / TENTH);
}

function describeRate(
  { progress }: Operation,
  { meter, atMs }: { meter: ReturnType<typeof createRateMeter>; atMs: number },
): string {
  if (progress === null) return '';
  if (progress.unit !== 'bytes') return ` ${describeProgress(progress)}`;
  const { bytesPerSecond } = meter({ atMs, done: progress.done }, progress.total);
  const rate = bytesPerSecond > 0 ? `, ${formatBytes(Math.round(bytesPerSecond))}/s` : '';
  return ` ${describeProgress(progress)}${rate}`;
}
