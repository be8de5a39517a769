import { EXIT_CODES } from '../api/error-table.ts';
import { DarkroomError } from '../model/errors.ts';
import { reportFailure } from './execute.ts';
import type { Output } from './output.ts';

/** A reader that goes away (`| head`), or a terminal that is closed, has seen enough; there is nobody left to tell. */
const READER_GONE: ReadonlySet<string> = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED']);

/** Keeps errors of a stream from ending the process. Returns what tells why output was lost that somebody waits for; else null. */
export function watchForLoss(stream: NodeJS.WriteStream): () => Error | null {
  let loss: Error | null = null;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    const isGone = READER_GONE.has(error.code ?? '') || (error.code === 'EIO' && stream.isTTY);
    if (!isGone) loss ??= error;
  });
  return () => loss;
}

/** Says so, and returns what the command ends with: 0 would mean that all of it was written. */
export function reportLoss(
  loss: Error,
  { exitCode, output }: { readonly exitCode: number; readonly output: Output },
): number {
  const error = new DarkroomError('INTERNAL', `What the command prints could not be written: ${loss.message}.`);
  const reported = reportFailure(output, { error, isDebugging: false });
  return exitCode === EXIT_CODES.done ? reported : exitCode;
}
