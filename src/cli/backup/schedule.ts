import type { Argv } from 'yargs';
import type { CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { UsageError } from '../usage-error.ts';
import { addScheduleCreate } from './schedule/create.ts';
import { addScheduleList } from './schedule/list.ts';
import { addScheduleShow } from './schedule/show.ts';
import { addScheduleVerbs } from './schedule/verbs.ts';

const DESCRIBE = 'Rules by which the agent of this host makes backups by itself';

export function addBackupSchedule(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command('schedule', DESCRIBE, (command) => {
    addScheduleCreate(command, host);
    addScheduleList(command, host);
    addScheduleShow(command, host);
    addScheduleVerbs(command, host);
    return command.usage(`$0 backup schedule <verb>\n\n${DESCRIBE}`).demandCommand(1, UsageError.INCOMPLETE);
  });
}
