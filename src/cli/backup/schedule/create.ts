import type { Argv } from 'yargs';
import type { CreateScheduleBody } from '../../../api/schemas/schedules.ts';
import { ACHIEVED_CONSISTENCIES } from '../../../model/consistency.ts';
import { CONSISTENCY_OPTION } from '../../capture-options.ts';
import type { CommandContext, CommandHost } from '../../context.ts';
import type { GlobalOptions } from '../../global-options.ts';
import { printResult } from '../../output.ts';
import { renderSchedule } from '../../render/backup-schedule.ts';
import { RETENTION_OPTIONS, requireRule, TIMEZONE_OPTION, TYPE_OPTION, zoneOf } from '../retention-options.ts';
import { nameInstances } from './name-instances.ts';
import { parseBootEvery, readJitter, readPolicy, readSelector } from './parse-flags.ts';
import { warnWithoutAgent } from './warn-without-agent.ts';

export function addScheduleCreate(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'create [instance]',
    'Have backups made at certain times',
    (command) =>
      command
        .positional('instance', { type: 'string', describe: 'Name or id of the instance' })
        .option('all', { type: 'boolean', default: false, describe: 'Of every instance, those to come too' })
        .option('label', { type: 'string', requiresArg: true, describe: 'Of the instances with the label KEY=VALUE' })
        .option('cron', {
          type: 'string',
          demandOption: true,
          requiresArg: true,
          describe: "When: minute, hour, day of the month, month, day of the week ('15 3 * * *'), or @daily",
        })
        .option('timezone', TIMEZONE_OPTION)
        .option('type', { ...TYPE_OPTION, demandOption: true })
        .options(RETENTION_OPTIONS)
        .option('consistency', CONSISTENCY_OPTION)
        .option('require', {
          choices: ACHIEVED_CONSISTENCIES,
          requiresArg: true,
          describe: 'Tell when a backup is less than that; needs --max-age',
        })
        .option('max-age', {
          type: 'string',
          requiresArg: true,
          describe: 'Tell when the newest backup is older than that: 26h, 7d',
        })
        .option('jitter', {
          type: 'string',
          requiresArg: true,
          describe: 'Begin each up to that much later, so that not all begin at once: 5m',
        })
        .option('verify', {
          type: 'string',
          requiresArg: true,
          describe: 'boot: see each backup come up from a throw-away copy; boot:N: every Nth',
        })
        .example("$0 backup schedule create web-1 --cron '15 3 * * *' --type daily --rotation 7", 'A week of nights')
        .example(
          "$0 backup schedule create --all --cron '0 * * * *' --type grid --keep-hourly 24 --keep-daily 7 --jitter 10m",
          'Every hour of every instance, spread over ten minutes',
        )
        .example(
          "$0 backup schedule create db --cron '@daily' --type daily --rotation 7 --require quiesced --max-age 26h",
          'And be told when it is overdue',
        ),
    (argv) =>
      host.prepareAndExecute(argv, async () => {
        const body: CreateScheduleBody = {
          selector: readSelector(argv),
          cron: argv.cron,
          timezone: zoneOf(argv),
          type: argv.type,
          ...requireRule(argv),
          consistency: argv.consistency,
          policy: readPolicy(argv),
          jitterMs: readJitter(argv),
          bootEvery: parseBootEvery(argv.verify),
        };
        return { recovery: 'none', run: (context) => createSchedule(context, body) };
      }),
  );
}

export async function createSchedule(context: CommandContext, body: CreateScheduleBody): Promise<number> {
  const { client, output } = context;
  const schedule = await client.schedules.create(body);
  warnWithoutAgent(context);
  await printResult(output, schedule, async () => renderSchedule(output, schedule, await nameInstances(client)));
  return 0;
}
