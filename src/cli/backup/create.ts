import type { Argv } from 'yargs';
import type { CreateBackupBody } from '../../api/schemas/backups.ts';
import { REQUESTED_CONSISTENCIES } from '../../model/consistency.ts';
import { hasCode } from '../../model/errors.ts';
import type { Operation } from '../../model/operation.ts';
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
        .option('consistency', {
          choices: REQUESTED_CONSISTENCIES,
          default: 'auto' as const,
          requiresArg: true,
          describe: 'auto: quiesced where the guest agent answers, else paused',
        })
        .option('description', { type: 'string', requiresArg: true, describe: 'What it is for' })
        .option('property', {
          type: 'string',
          array: true,
          default: [],
          requiresArg: true,
          describe: 'KEY=VALUE to keep with the backup; may be repeated',
        })
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 backup create web-1 --type daily --rotation 7', 'The newest seven stay')
        .example('$0 backup create db --type grid --keep-daily 7 --keep-monthly 12', 'One of each day and each month'),
    (argv) =>
      host.prepareAndExecute(argv, async () => {
        const body = {
          instance: argv.instance,
          name: argv.name ?? nameBackup(argv.instance, argv.type),
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

/** `web-1-daily-20261121T0315Z` */
function nameBackup(instance: string, type: string): string {
  const [date = '', time = ''] = new Date().toISOString().replaceAll(/[-:]/g, '').split('T');
  return `${instance}-${type}-${date}T${time.slice(0, 4)}Z`;
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
