import type { Argv } from 'yargs';
import { EXIT_CODES } from '../../api/error-table.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { pickGiven } from '../pick-given.ts';
import { renderStatuses } from '../render/backup-status.ts';

const DEFAULT_DAYS = 14;

export function addBackupStatus(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'status [instance]',
    'Show how well instances are backed up, day by day; ends with 6 when something is overdue',
    (command) =>
      command
        .positional('instance', { type: 'string', describe: 'Name or id of the instance; without it all of them' })
        .option('days', { type: 'number', requiresArg: true, default: DEFAULT_DAYS, describe: 'How many days back' })
        .option('ascii', { type: 'boolean', default: false, describe: 'Draw with letters that every terminal has' })
        .example('$0 backup status', 'Two weeks of every instance')
        .example('$0 backup status web-1 --days 60', 'Two months of one')
        .example('$0 backup status --json > /dev/null || mail-me', 'From a script'),
    ({ instance, days, ascii, ...argv }) => {
      const options = { filter: pickGiven({ instance, days }), isAscii: ascii };
      host.execute(argv, { recovery: 'attempted', run: (context) => showStatus(context, options) });
    },
  );
}

export interface StatusOptions {
  readonly filter: { readonly instance?: string; readonly days?: number };
  readonly isAscii: boolean;
}

/** What is overdue is no failure of this command: it is printed as asked, and the exit code tells. */
export async function showStatus(
  { client, output }: CommandContext,
  { filter, isAscii }: StatusOptions,
): Promise<number> {
  const statuses = await client.backups.status(filter);
  await printResult(output, statuses, () =>
    renderStatuses(output, statuses, { isAscii: isAscii || !output.isUtf8, now: new Date() }),
  );
  return statuses.some(({ alerts }) => alerts.length > 0) ? EXIT_CODES.failed : EXIT_CODES.done;
}
