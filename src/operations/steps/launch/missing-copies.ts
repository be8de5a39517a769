import path from 'node:path';
import { isInside } from '../../../model/domain-xml/host-paths.ts';
import type { TransferOptions } from '../../../model/ports/image-store.ts';
import type { InstanceRecord } from '../../instance-record-plan.ts';
import type { Core } from '../../support/context.ts';
import { instanceFolder, readInstanceRecord } from './instance-folder.ts';

/** A disk of a thin launch whose backing file, this host's copy of what the store holds elsewhere, is gone. */
export interface MissingCopy {
  readonly record: InstanceRecord;
  /** Of the disk. */
  readonly disk: string;
  /** Of the copy. */
  readonly path: string;
}

const DISK_FILE = /^disk-.*\.qcow2$/;

/** Nothing where the store's own files are what disks stand on: those nobody can bring back. */
export async function findMissingCopies(core: Core, instanceId: string): Promise<readonly MissingCopy[]> {
  if (core.store.keepsFilesHere) return [];
  const record = await readInstanceRecord(core, instanceId);
  if (record?.clone !== 'thin') return [];
  const missing: MissingCopy[] = [];
  for (const file of record.files.filter((each) => DISK_FILE.test(each))) {
    const disk = path.join(instanceFolder(core, instanceId), file);
    const copy = await readCopyPath(core, disk);
    if (copy !== null && (await core.files.stat(copy)) === null) missing.push({ record, disk, path: copy });
  }
  return missing;
}

/** null for a disk that stands on nothing of the store (any more). */
async function readCopyPath(core: Core, disk: string): Promise<string | null> {
  if ((await core.files.stat(disk))?.kind !== 'file') return null;
  const { backing } = await core.diskTool.info({ path: disk, format: 'qcow2' });
  return backing !== null && isInside(backing.path, core.store.rootPath) ? backing.path : null;
}

/** Fetches it again, and says again who stands on it: with the copy, that is gone too where somebody emptied the folder. */
export async function bringCopy(
  core: Core,
  { record, path: copy }: MissingCopy,
  options?: TransferOptions,
): Promise<void> {
  const { imageId, instanceId, instanceName, createdAt } = record;
  await core.store.addUser(imageId, { instanceId, instanceName, host: core.hostName, since: createdAt });
  await core.store.resolveFile(imageId, path.basename(copy), options);
}
