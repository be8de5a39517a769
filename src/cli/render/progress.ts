import type { Operation } from '../../model/operation.ts';
import type { Output } from '../output.ts';
import { createJsonProgress } from './progress-json.ts';
import { createLineProgress } from './progress-lines.ts';

/** Shows on stderr how an operation goes on. */
export interface Progress {
  update(operation: Operation): void;
  /** Tells something else meanwhile. */
  note(message: string): void;
  /** Leaves the terminal tidy. */
  end(): void;
}

export async function createProgress(output: Output): Promise<Progress> {
  if (output.isJson) return createJsonProgress(output);
  if (output.stderr.isTTY !== true) return createLineProgress(output);
  // Loaded only for a terminal.
  const { createBarProgress } = await import('./progress-bar.ts');
  return createBarProgress(output);
}
