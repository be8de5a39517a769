import path from 'node:path';
import { describeDomain } from '../../../model/domain-xml/describe-domain.ts';
import { readDiskPaths } from '../../../model/domain-xml/disk-sources.ts';
import { isInside } from '../../../model/domain-xml/host-paths.ts';
import { DarkroomError } from '../../../model/errors.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';
import { SWTPM_ROOT } from '../capture/read-firmware.ts';
import { instanceFolder } from '../launch/instance-folder.ts';

/**
 * SHELF_DAMAGED unless a record that was read from the store names the files of exactly this definition of this host: what it names
 * is removed, or written, with our rights, and others write to the store too.
 */
export function requireRecorded(
  core: Core,
  record: ShelvedInstance,
  machine: { readonly xml: string; readonly targets: readonly string[] },
): void {
  const paths = readDiskPaths(machine.xml);
  const { nvramPath } = describeDomain(machine.xml);
  const folder = instanceFolder(core, record.id);
  const tpm = path.join(SWTPM_ROOT, record.id);
  const disk = record.disks.find(({ target, path: file }) => paths.get(target) !== file);
  if (disk !== undefined) throw strange(record, disk.path);
  const lost = machine.targets.find((target) => !record.disks.some((known) => known.target === target));
  if (lost !== undefined) throw strange(record, `no disk ${lost}`);
  const file = record.files.find(
    (known) => known.path !== nvramPath && !isInside(known.path, tpm) && !isInside(known.path, folder),
  );
  if (file !== undefined) throw strange(record, file.path);
  if (record.made !== null && record.made.folder !== folder) throw strange(record, record.made.folder);
}

function strange({ id, name }: ShelvedInstance, what: string): DarkroomError {
  return new DarkroomError(
    'SHELF_DAMAGED',
    `The record of the shelved instance ${name} names ${what}, which its definition on this host does not. Nothing was touched: look who ` +
      'writes to the store.',
    { fields: { instanceId: id } },
  );
}
