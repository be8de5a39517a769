import type { Argv } from 'yargs';
import type { BackupFilter } from '../../model/requests.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { LIMIT_OPTION, MARKER_OPTION } from '../page-options.ts';
import { pickGiven } from '../pick-given.ts';
import { renderBackups } from '../render/backup.ts';

export function addBackupList(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'list',
    'List the backups, and what keeps each',
    (command) =>
      command
        .option('instance', { type: 'string', requiresArg: true, describe: 'Only of this instance: its name or id' })
        .option('type', { type: 'string', requiresArg: true, describe: 'Only of this type' })
        .option('limit', LIMIT_OPTION)
        .option('marker', MARKER_OPTION)
        .example('$0 backup list', 'All backups, newest first')
        .example('$0 backup list --instance web-1 --type daily', 'Those that rotate with each other'),
    ({ instance, type, limit, marker, ...argv }) => {
      const filter = pickGiven({ instance, backupType: type, limit, marker });
      host.execute(argv, { recovery: 'attempted', run: (context) => listBackups(context, filter) });
    },
  );
}

export async function listBackups({ client, output }: CommandContext, filter: BackupFilter): Promise<number> {
  const backups = await client.backups.list(filter);
  await printResult(output, backups, () => renderBackups(output, backups));
  return 0;
}
