import type { Operation } from '../../model/operation.ts';
import type { CommandContext } from '../context.ts';
import { printResult } from '../output.ts';
import { summarizeInstance } from '../render/instance.ts';

/** Prints the instance as it is after an operation on it. */
export async function printInstanceOf(
  { client, output }: CommandContext,
  { operation, reference }: { readonly operation: Operation; readonly reference: string },
): Promise<number> {
  const instance = await client.instances.show(operation.result.instanceId ?? reference);
  await printResult(output, instance, () => summarizeInstance(instance));
  return 0;
}
