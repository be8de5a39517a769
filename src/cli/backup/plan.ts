import type { Argv } from 'yargs';
import type { PlanBackupsBody } from '../../api/schemas/backups.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { pickGiven } from '../pick-given.ts';
import { renderPlans } from '../render/backup.ts';
import { RETENTION_OPTIONS, readRule, TIMEZONE_OPTION } from './retention-options.ts';

export function addBackupPlan(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'plan',
    'Show which backups a rule would keep and why, and which would go; nothing is done',
    (command) =>
      command
        .option('instance', { type: 'string', requiresArg: true, describe: 'Only of this instance: its name or id' })
        .option('type', { type: 'string', requiresArg: true, describe: 'Only of this type' })
        .options(RETENTION_OPTIONS)
        .option('timezone', TIMEZONE_OPTION)
        .example('$0 backup plan', 'What the schedules do')
        .example('$0 backup plan --instance web-1 --type daily --rotation 3', 'What would be freed by a rule of three'),
    (argv) =>
      host.prepareAndExecute(argv, async () => {
        const body = { ...pickGiven({ instance: argv.instance, type: argv.type }), ...readRule(argv) };
        return { recovery: 'attempted', run: (context) => planBackups(context, body) };
      }),
  );
}

export async function planBackups({ client, output }: CommandContext, body: PlanBackupsBody): Promise<number> {
  const plans = await client.backups.plan(body);
  await printResult(output, plans, () => renderPlans(output, plans));
  return 0;
}
