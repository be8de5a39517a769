import type { Argv } from 'yargs';
import type { ApiOperationFilter } from '../api/client.ts';
import { ERROR_TABLE } from '../api/error-table.ts';
import { OPERATION_KINDS, OPERATION_STATUSES } from '../model/operation.ts';
import { ALL_HOSTS_OPTION, OF_ONE_HOST } from './all-hosts-option.ts';
import type { CommandContext, CommandHost } from './context.ts';
import type { GlobalOptions } from './global-options.ts';
import { printResult } from './output.ts';
import { LIMIT_OPTION, MARKER_OPTION } from './page-options.ts';
import { pickGiven } from './pick-given.ts';
import { renderOperation, renderOperations, summarizeOperation } from './render/operation.ts';
import { failureOf, watchToEnd } from './wait-for-operation.ts';

const DEFAULT_LIMIT = 50;

export function addVerbs(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  addOperationList(yargs, host);
  addOperationVerb(yargs, host, {
    verb: 'show',
    describe: 'Show an operation',
    example: 'Its step, timings, result and error',
    run: showOperation,
  });
  addOperationVerb(yargs, host, {
    verb: 'watch',
    describe: 'Follow an operation to its end; ends with its exit code',
    example: 'From a second terminal',
    run: watchOperation,
  });
  addOperationVerb(yargs, host, {
    verb: 'cancel',
    describe: 'Ask a running operation to undo itself',
    example: 'The guest is left as it was',
    run: cancelOperation,
  });
}

function addOperationList(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'list',
    'List operations, newest first',
    (command) =>
      command
        .option('status', { choices: OPERATION_STATUSES, requiresArg: true, describe: 'Only of this status' })
        .option('kind', { choices: OPERATION_KINDS, requiresArg: true, describe: 'Only of this kind' })
        .option('target', { type: 'string', requiresArg: true, describe: 'Only on what is called so' })
        .option('requested-by', { type: 'string', requiresArg: true, describe: 'Only what this principal asked for' })
        .option('limit', { ...LIMIT_OPTION, default: DEFAULT_LIMIT })
        .option('marker', MARKER_OPTION)
        .option('all-hosts', ALL_HOSTS_OPTION)
        .conflicts('all-hosts', OF_ONE_HOST)
        .example('$0 operation list', 'What was done of late')
        .example('$0 operation list --status running', 'What is being done')
        .example('$0 operation list --kind image.create --target web-1', 'Captures of one instance')
        .example('$0 operation list --status running --all-hosts', 'What is being done anywhere'),
    ({ status, kind, target, requestedBy, limit, marker, allHosts, ...argv }) => {
      const filter = pickGiven({ status, kind, target, requestedBy, limit, marker });
      if (allHosts !== true) {
        return host.execute(argv, { recovery: 'attempted', run: (context) => listOperations(context, filter) });
      }
      return host.executeStandalone(argv, async (parts) => {
        const [{ openFleet }, { listOperationsEverywhere }] = await Promise.all([
          import('./fleet.ts'),
          import('./list-operations-everywhere.ts'),
        ]);
        return await listOperationsEverywhere(parts.output, { hosts: openFleet(parts), filter });
      });
    },
  );
}

interface OperationVerb {
  readonly verb: string;
  readonly describe: string;
  readonly example: string;
  run(context: CommandContext, operationId: string): Promise<number>;
}

function addOperationVerb(yargs: Argv<GlobalOptions>, host: CommandHost, spec: OperationVerb): void {
  yargs.command(
    `${spec.verb} <operation>`,
    spec.describe,
    (command) =>
      command
        .positional('operation', { type: 'string', demandOption: true, describe: 'Id of the operation' })
        .example(`$0 operation ${spec.verb} 0197c2f4-5d1e-7a3b-8c9d-0e1f2a3b4c5d`, spec.example),
    (argv) => host.execute(argv, { recovery: 'attempted', run: (context) => spec.run(context, argv.operation) }),
  );
}

export async function listOperations({ client, output }: CommandContext, filter: ApiOperationFilter): Promise<number> {
  const operations = await client.operations.list(filter);
  await printResult(output, operations, () => renderOperations(output, operations));
  return 0;
}

export async function showOperation({ client, output }: CommandContext, operationId: string): Promise<number> {
  const operation = await client.operations.show(operationId);
  await printResult(output, operation, () => renderOperation(output, operation));
  return 0;
}

/** A failed operation is still what was asked for: it is printed, and only the exit code tells. */
export async function watchOperation(context: CommandContext, operationId: string): Promise<number> {
  const operation = await watchToEnd(context, await context.client.operations.show(operationId));
  await printResult(context.output, operation, () => renderOperation(context.output, operation));
  const failure = failureOf(operation);
  return failure === null ? 0 : ERROR_TABLE[failure.code].exitCode;
}

export async function cancelOperation({ client, output }: CommandContext, operationId: string): Promise<number> {
  const operation = await client.operations.cancel(operationId);
  await printResult(output, operation, () => `${summarizeOperation(operation)}, asked to undo itself`);
  return 0;
}
