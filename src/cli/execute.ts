import { ERROR_TABLE } from '../api/error-table.ts';
import { toDarkroomError } from '../model/errors.ts';
import type { Command, StandaloneParts, StandaloneRun } from './context.ts';
import type { OpenContext, OpenOptions } from './open-context.ts';
import type { Output } from './output.ts';
import { printError } from './render/error.ts';

/** Opens a way to the application, runs a command, and turns how it ended into an exit code. */
export async function executeCommand(
  open: OpenContext,
  request: Omit<OpenOptions, 'recovery' | 'needsAgent' | 'asksLibvirt'>,
  prepare: () => Promise<Command>,
): Promise<number> {
  try {
    const command = await prepare();
    await using context = await open({
      ...request,
      recovery: command.recovery,
      needsAgent: command.needsAgent === true,
      asksLibvirt: command.asksLibvirt === true,
    });
    return await command.run(context);
  } catch (error) {
    return reportFailure(request.output, { error, isDebugging: request.options.logLevel === 'debug' });
  }
}

/** The same for a command that opens what it needs itself. */
export async function executeStandalone(run: StandaloneRun, parts: StandaloneParts): Promise<number> {
  try {
    return await run(parts);
  } catch (error) {
    return reportFailure(parts.output, { error, isDebugging: parts.options.logLevel === 'debug' });
  }
}

export function reportFailure(
  output: Output,
  { error, isDebugging }: { readonly error: unknown; readonly isDebugging: boolean },
): number {
  const failure = toDarkroomError(error);
  printError(output, failure);
  const stack = error instanceof Error ? error.stack : undefined;
  if (isDebugging && stack !== undefined) output.stderr.write(`${stack}\n`);
  return ERROR_TABLE[failure.code].exitCode;
}
