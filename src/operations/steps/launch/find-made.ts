import path from 'node:path';
import type { DomainDescription } from '../../../model/domain-xml/describe-domain.ts';
import { isInside } from '../../../model/domain-xml/host-paths.ts';
import type { DeleteInstancePlan } from '../../delete-instance-plan.ts';
import type { Core } from '../../support/context.ts';
import { instanceFolder, readInstanceRecord } from './instance-folder.ts';

type Made = NonNullable<DeleteInstancePlan['made']>;

/** What a launch of ours made for a domain; null unless the domain's own note and the record beside its disks agree. */
export async function findMade(core: Core, domain: DomainDescription): Promise<Made | null> {
  const record = await readInstanceRecord(core, domain.uuid);
  if (record === null || record.imageId !== domain.imageId) return null;
  return { imageId: record.imageId, folder: instanceFolder(core, domain.uuid), files: record.files };
}

/** Files of the domain that are not of our making, and so are kept. */
export function listKept(domain: DomainDescription, made: Made | null): string[] {
  const own = new Set(made?.files.map((file) => path.join(made.folder, file)) ?? []);
  return domain.disks.flatMap((disk) => (disk.path === null || own.has(disk.path) ? [] : [disk.path]));
}

/** libvirt's own folder for variables, of the system's or of a person's daemon. */
const NVRAM_FOLDER = /^\/.*\/libvirt\/qemu\/nvram\/[^/]+$/;

/** Variables go with the domain where its launch or libvirt made them; others belong to somebody. */
export function isNvramOurs(domain: DomainDescription, made: Made | null): boolean {
  const { nvramPath } = domain;
  if (nvramPath === null) return true;
  return NVRAM_FOLDER.test(nvramPath) || (made !== null && isInside(nvramPath, made.folder));
}
