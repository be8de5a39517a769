import type { CommandContext } from '../../context.ts';
import { printWarning } from '../../output.ts';

/** A schedule is kept all the same, but it is the agent that follows it. */
export function warnWithoutAgent({ isAgent, output }: CommandContext): void {
  if (isAgent) return;
  printWarning(output, 'no agent answers: nothing is backed up by a schedule until one runs (darkroom agent run)');
}
