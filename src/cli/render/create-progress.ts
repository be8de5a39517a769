import type { Output } from '../output.ts';
import type { Progress } from './progress.ts';
import { createJsonProgress } from './progress-json.ts';
import { createLineProgress } from './progress-lines.ts';

/** A bar on a terminal, JSON lines for programs, else plain lines. */
export async function createProgress(output: Output): Promise<Progress> {
  if (output.isJson) return createJsonProgress(output);
  if (output.stderr.isTTY !== true) return createLineProgress(output);
  // Loaded only for a terminal.
  const { createBarProgress } = await import('./progress-bar.ts');
  return createBarProgress(output);
}
