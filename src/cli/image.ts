import type { Argv } from 'yargs';
import type { CommandHost } from './context.ts';
import type { GlobalOptions } from './global-options.ts';
import { addImageCopy } from './image/copy.ts';
import { addImageCreate } from './image/create.ts';
import { addImageDelete } from './image/delete.ts';
import { addImageExport } from './image/export.ts';
import { addImageImport } from './image/import.ts';
import { addImageList } from './image/list.ts';
import { addImagePull } from './image/pull.ts';
import { addImagePush } from './image/push.ts';
import { addImageSet } from './image/set.ts';
import { addImageShow } from './image/show.ts';
import { addImageUndelete } from './image/undelete.ts';
import { addImageVerify } from './image/verify.ts';

export function addVerbs(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  addImageCreate(yargs, host);
  addImageList(yargs, host);
  addImageShow(yargs, host);
  addImageVerify(yargs, host);
  addImageSet(yargs, host);
  addImageDelete(yargs, host);
  addImageUndelete(yargs, host);
  addImageExport(yargs, host);
  addImageImport(yargs, host);
  addImageCopy(yargs, host);
  addImagePush(yargs, host);
  addImagePull(yargs, host);
}
