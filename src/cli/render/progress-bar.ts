import { SingleBar } from 'cli-progress';
import type { Operation, OperationProgress } from '../../model/operation.ts';
import type { Output, TextStream } from '../output.ts';
import { percentOf } from './operation.ts';
import type { Progress } from './progress.ts';
import { createRateMeter, type Rate } from './rate-meter.ts';
import { formatBytes, formatDuration, printable } from './text.ts';

const CLEAR_LINE = '\r\u001b[K';
const BAR_SIZE = 24;

interface BarTexts {
  readonly label: string;
  readonly percent: number;
  readonly bytes: string;
}

/** One line at the foot of a terminal: the step, and a bar with bytes, rate and remaining time while bytes move. */
export function createBarProgress({ stderr }: Output, now: () => number = () => performance.now()): Progress {
  let bar: SingleBar | null = null;
  let meter = createRateMeter();
  let step = '';
  const clear = () => {
    bar?.stop();
    bar = null;
    stderr.write(CLEAR_LINE);
  };
  return {
    update: (operation) => {
      if (operation.step !== step || operation.progress?.unit !== 'bytes') {
        clear();
        meter = createRateMeter();
        step = operation.step;
        if (operation.status === 'running') stderr.write(`${describeStep(operation)} …`);
      }
      if (operation.progress?.unit !== 'bytes') return;
      const { progress } = operation;
      const rate = meter({ atMs: now(), done: progress.done }, progress.total);
      const texts = describeBytes(operation, { progress, rate });
      bar ??= startBar(stderr, { progress, texts });
      bar.setTotal(progress.total);
      bar.update(progress.done, texts);
    },
    note: (message) => {
      clear();
      stderr.write(`${message}\n`);
    },
    end: clear,
  };
}

function startBar(
  stream: TextStream,
  { progress, texts }: { progress: OperationProgress; texts: BarTexts },
): SingleBar {
  const bar = new SingleBar({
    stream,
    format: '{label} [{bar}] {percent}% {bytes}',
    barsize: BAR_SIZE,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    clearOnComplete: true,
    forceRedraw: false,
    // It would take Ctrl-C from us, and hide what a killed command leaves hidden.
    gracefulExit: false,
    hideCursor: false,
    linewrap: true,
  });
  bar.start(progress.total, progress.done, texts);
  return bar;
}

function describeBytes(
  operation: Operation,
  { progress, rate }: { progress: OperationProgress; rate: Rate },
): BarTexts {
  const moved = `${formatBytes(progress.done)}/${formatBytes(progress.total)}`;
  const speed = `${formatBytes(Math.round(rate.bytesPerSecond))}/s`;
  const remaining = rate.remainingMs === null ? '' : `, ${formatDuration(rate.remainingMs)} left`;
  return { label: describeStep(operation), percent: percentOf(progress), bytes: `${moved}, ${speed}${remaining}` };
}

function describeStep({ target, step }: Operation): string {
  return `${printable(target)}: ${printable(step)}`;
}
