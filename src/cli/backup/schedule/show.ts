import type { Argv } from 'yargs';
import type { BackupSchedule, ScheduleRun } from '../../../model/backup/schedule.ts';
import type { CommandContext, CommandHost } from '../../context.ts';
import type { GlobalOptions } from '../../global-options.ts';
import { printResult } from '../../output.ts';
import { renderScheduleWithRuns } from '../../render/backup-schedule.ts';
import { nameInstances } from './name-instances.ts';

const NEXT_RUNS = 5;
const LAST_RUNS = 20;

/** As `--json` prints it. */
export type ScheduleWithRuns = BackupSchedule & {
  /** RFC 3339, UTC; none while it is paused. */
  readonly nextRuns: readonly string[];
  /** Newest first. */
  readonly runs: readonly ScheduleRun[];
};

export function addScheduleShow(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'show <schedule>',
    'Show a schedule, its next times and what became of its last runs',
    (command) =>
      command
        .positional('schedule', { type: 'string', demandOption: true, describe: 'Id, or a unique beginning of it' })
        .example('$0 backup schedule show 5c3f2c1e', 'When it runs next, and how it went'),
    (argv) => host.execute(argv, { recovery: 'none', run: (context) => showSchedule(context, argv.schedule) }),
  );
}

export async function showSchedule({ client, output }: CommandContext, reference: string): Promise<number> {
  const schedule = await client.schedules.show(reference);
  const runs = await client.schedules.listRuns(schedule.id, { limit: LAST_RUNS });
  const shown: ScheduleWithRuns = { ...schedule, nextRuns: await nextTimes(schedule), runs };
  await printResult(output, shown, async () =>
    renderScheduleWithRuns(output, shown, { names: await nameInstances(client) }),
  );
  return 0;
}

async function nextTimes(schedule: BackupSchedule): Promise<readonly string[]> {
  if (schedule.isPaused) return [];
  const { listNextTimes } = await import('../../../model/backup/cron.ts');
  return listNextTimes(schedule, new Date(), NEXT_RUNS).map((time) => time.toISOString());
}
