import type { Argv } from 'yargs';
import type { CommandHost } from './context.ts';
import type { GlobalOptions } from './global-options.ts';
import { addInstanceDelete } from './instance/delete.ts';
import { addInstanceLaunch } from './instance/launch.ts';
import { addInstanceList } from './instance/list.ts';
import { addInstancePower } from './instance/power.ts';
import { addInstanceSet } from './instance/set.ts';
import { addInstanceShelve } from './instance/shelve.ts';
import { addInstanceShow } from './instance/show.ts';
import { addInstanceStop } from './instance/stop.ts';
import { addInstanceUnshelve } from './instance/unshelve.ts';

export function addVerbs(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  addInstanceList(yargs, host);
  addInstanceShow(yargs, host);
  addInstanceSet(yargs, host);
  addInstanceLaunch(yargs, host);
  addInstanceDelete(yargs, host);
  addInstancePower(yargs, host);
  addInstanceStop(yargs, host);
  addInstanceShelve(yargs, host);
  addInstanceUnshelve(yargs, host);
}
