import type { Operation } from '../model/operation.ts';
import { type CommandContext, requireAgent } from './context.ts';
import { printResult } from './output.ts';
import { summarizeOperation } from './render/operation.ts';

export const NO_WAIT_OPTION = {
  type: 'boolean',
  default: false,
  describe: 'Print the operation and leave it to the agent, which it needs',
} as const;

/** Begins work that an agent goes on with, and prints what it is known by. */
export async function beginOperation(context: CommandContext, submit: () => Promise<Operation>): Promise<number> {
  requireAgent(context);
  const operation = await submit();
  await printResult(context.output, operation, () => summarizeOperation(operation));
  return 0;
}
