import type { Argv } from 'yargs';
import type { CommandContext, CommandHost } from '../../context.ts';
import type { GlobalOptions } from '../../global-options.ts';
import { printResult } from '../../output.ts';
import { renderSchedules } from '../../render/backup-schedule.ts';
import { nameInstances } from './name-instances.ts';

export function addScheduleList(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'list',
    'List the schedules of this host',
    (command) => command.example('$0 backup schedule list', 'What is backed up when, and how long it is kept'),
    (argv) => host.execute(argv, { recovery: 'none', run: listSchedules }),
  );
}

export async function listSchedules({ client, output }: CommandContext): Promise<number> {
  const schedules = await client.schedules.list();
  await printResult(output, schedules, async () =>
    renderSchedules(output, schedules, { names: await nameInstances(client), now: new Date() }),
  );
  return 0;
}
