import type { CommandContext } from '../../context.ts';
import { printWarning } from '../../output.ts';

/** A schedule is kept all the same, but it is the agent that follows it. */
export function warnWithoutAgent({ isAgent, output }: CommandContext): void {
  if (isAgent) return;
  printWarning(
    output,
    'no agent was asked: schedules are followed only while one runs with this state folder (darkroom agent run)',
  );
}
