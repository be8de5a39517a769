import type { Argv } from 'yargs';
import { addBackupCreate } from './backup/create.ts';
import { addBackupList } from './backup/list.ts';
import { addBackupPlan } from './backup/plan.ts';
import { addBackupSchedule } from './backup/schedule.ts';
import { addBackupStatus } from './backup/status.ts';
import type { CommandHost } from './context.ts';
import type { GlobalOptions } from './global-options.ts';

export function addVerbs(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  addBackupCreate(yargs, host);
  addBackupList(yargs, host);
  addBackupPlan(yargs, host);
  addBackupStatus(yargs, host);
  addBackupSchedule(yargs, host);
}
