import type { Argv } from 'yargs';
import type { CommandContext, CommandHost } from '../../context.ts';
import type { GlobalOptions } from '../../global-options.ts';
import { printResult } from '../../output.ts';
import { renderRuns, summarizeSchedule } from '../../render/backup-schedule.ts';
import { printable } from '../../render/text.ts';
import { warnWithoutAgent } from './warn-without-agent.ts';

interface ScheduleVerb {
  readonly verb: string;
  readonly describe: string;
  readonly example: string;
  run(context: CommandContext, schedule: string): Promise<number>;
}

const VERBS: readonly ScheduleVerb[] = [
  {
    verb: 'delete',
    describe: 'Give a schedule up; the backups that it made stay',
    example: 'Nothing lets its backups go any more',
    run: deleteSchedule,
  },
  {
    verb: 'pause',
    describe: 'Let a schedule rest; what is due meanwhile is not made up for',
    example: 'Until it is resumed',
    run: (context, schedule) => setPaused(context, { schedule, isPaused: true }),
  },
  {
    verb: 'resume',
    describe: 'Let a paused schedule go on',
    example: 'From its next time on',
    run: (context, schedule) => setPaused(context, { schedule, isPaused: false }),
  },
  {
    verb: 'run',
    describe: 'Have the agent make the backups of a schedule now',
    example: 'See how it goes: darkroom backup schedule show',
    run: runSchedule,
  },
];

export function addScheduleVerbs(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  for (const { verb, describe, example, run } of VERBS) {
    yargs.command(
      `${verb} <schedule>`,
      describe,
      (command) =>
        command
          .positional('schedule', { type: 'string', demandOption: true, describe: 'Id, or a unique beginning of it' })
          .example(`$0 backup schedule ${verb} 5c3f2c1e`, example),
      (argv) => host.execute(argv, { recovery: 'none', run: (context) => run(context, argv.schedule) }),
    );
  }
}

export async function deleteSchedule({ client, output }: CommandContext, reference: string): Promise<number> {
  await client.schedules.delete(reference);
  await printResult(
    output,
    { schedule: reference, isDeleted: true },
    () => `schedule ${printable(reference)}: deleted`,
  );
  return 0;
}

export async function setPaused(
  { client, output }: CommandContext,
  { schedule: reference, isPaused }: { readonly schedule: string; readonly isPaused: boolean },
): Promise<number> {
  const schedule = await client.schedules.setPaused(reference, { isPaused });
  await printResult(output, schedule, () => summarizeSchedule(schedule));
  return 0;
}

export async function runSchedule(context: CommandContext, reference: string): Promise<number> {
  const { client, output } = context;
  const runs = await client.schedules.run(reference);
  warnWithoutAgent(context);
  await printResult(output, runs, () => renderRuns(output, runs));
  return 0;
}
