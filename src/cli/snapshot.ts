import type { Argv } from 'yargs';
import type { CommandHost } from './context.ts';
import type { GlobalOptions } from './global-options.ts';
import { addSnapshotCopy } from './snapshot/copy.ts';
import { addSnapshotCreate } from './snapshot/create.ts';
import { addSnapshotDelete } from './snapshot/delete.ts';
import { addSnapshotExport } from './snapshot/export.ts';
import { addSnapshotImport } from './snapshot/import.ts';
import { addSnapshotList } from './snapshot/list.ts';
import { addSnapshotMount } from './snapshot/mount.ts';
import { addSnapshotRestore } from './snapshot/restore.ts';
import { addSnapshotShare, addSnapshotUnshare } from './snapshot/share.ts';
import { addSnapshotShow } from './snapshot/show.ts';
import { addSnapshotVerify } from './snapshot/verify.ts';

export function addVerbs(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  addSnapshotCreate(yargs, host);
  addSnapshotList(yargs, host);
  addSnapshotShow(yargs, host);
  addSnapshotDelete(yargs, host);
  addSnapshotRestore(yargs, host);
  addSnapshotMount(yargs, host);
  addSnapshotVerify(yargs, host);
  addSnapshotExport(yargs, host);
  addSnapshotImport(yargs, host);
  addSnapshotCopy(yargs, host);
  addSnapshotShare(yargs, host);
  addSnapshotUnshare(yargs, host);
}
