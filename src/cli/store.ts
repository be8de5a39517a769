import type { Argv } from 'yargs';
import type { CommandHost } from './context.ts';
import type { GlobalOptions } from './global-options.ts';
import { addStoreCheck } from './store/check.ts';
import { addStoreGc } from './store/gc.ts';
import { addStoreList } from './store/list.ts';
import { addStoreStatus } from './store/status.ts';

export function addVerbs(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  addStoreList(yargs, host);
  addStoreStatus(yargs, host);
  addStoreCheck(yargs, host);
  addStoreGc(yargs, host);
}
