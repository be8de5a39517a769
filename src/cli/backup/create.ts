import type { Argv } from 'yargs';
import type { CreateBackupBody } from '../../api/schemas/backups.ts';
import { nameBackup } from '../../model/backup/due.ts';
import { hasCode } from '../../model/errors.ts';
import type { Operation } from '../../model/operation.ts';
import { CAPTURE_OPTIONS } from '../capture-options.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printMadeImage } from '../image/made-image.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { printResult } from '../output.ts';
import { parseProperties } from '../parse-properties.ts';
import { summarizeOperation } from '../render/operation.ts';
import { waitForOperation } from '../wait-for-operation.ts';
import { RETENTION_OPTIONS, requireRule, TIMEZONE_OPTION, TYPE_OPTION } from './retention-options.ts';

export function addBackupCreate(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'create <instance>',
    'Make a backup of an instance, and let go what its rule no longer keeps',
    (command) =>
      command
        .positional('instance', { type: 'string', demandOption: true, describe: 'Name or id of the instance' })
        .option('name', { type: 'string', requiresArg: true, describe: 'Name; without it <instance>-<type>-<time>' })
        .option('type', { ...TYPE_OPTION, demandOption: true })
        .options(RETENTION_OPTIONS)
        .option('timezone', TIMEZONE_OPTION)
        .options(CAPTURE_OPTIONS)
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 backup create web-1 --type daily --rotation 7', 'The newest seven stay')
        .example('$0 backup create db --type grid --keep-daily 7 --keep-monthly 12', 'One of each day and each month'),
    (argv) =>
      host.prepareAndExecute(argv, async () => {
        const body = {
          instance: argv.instance,
          name: argv.name ?? nameBackup({ instanceName: argv.instance, dueAt: new Date().toISOString() }, argv.type),
          type: argv.type,
          ...requireRule(argv),
          consistency: argv.consistency,
          description: argv.description ?? null,
          properties: parseProperties(argv.property),
        };
        return { recovery: 'required', run: (context) => createBackup(context, { isAwaited: !argv.noWait, body }) };
      }),
  );
}

export interface CreateBackupOptions {
  readonly body: CreateBackupBody;
  readonly isAwaited: boolean;
}

export async function createBackup(context: CommandContext, { body, isAwaited }: CreateBackupOptions): Promise<number> {
  const submit = () => context.client.backups.create(body);
  if (!isAwaited) return await beginOperation(context, submit);
  return await printMade(context, await waitForOperation(context, submit));
}

/** A rule that keeps nothing lets the new backup go too. */
async function printMade(context: CommandContext, operation: Operation): Promise<number> {
  try {
    return await printMadeImage(context, operation);
  } catch (error) {
    if (!hasCode(error, 'IMAGE_NOT_FOUND')) throw error;
    await printResult(context.output, operation, () => `${summarizeOperation(operation)}; its rule keeps none`);
    return 0;
  }
}
