import path from 'node:path';
import { isInside } from '../../../model/domain-xml/host-paths.ts';
import { DarkroomError } from '../../../model/errors.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import { SWTPM_ROOT } from '../capture/read-firmware.ts';
import type { Placement } from './place-machine.ts';

/** Folders in which a file is obeyed: nobody keeps disks there, and no store may have files made there. */
const SYSTEM_FOLDERS = [
  ...['/etc', '/usr', '/bin', '/sbin', '/lib', '/lib64', '/boot', '/root', '/proc', '/sys', '/dev', '/run'],
  ...['/var/spool', '/var/run', '/var/lib/dpkg', '/var/lib/systemd'],
];

/** SHELF_DAMAGED when the record would have files made where a machine has none: a store may be written to by other hosts. */
export function requirePlainPlaces(record: ShelvedInstance, placement: Placement, nvramPath: string | null): void {
  const { folder } = placement;
  for (const { what, path: file } of placement.files) {
    const isOwn = isInside(file, path.join(SWTPM_ROOT, record.id)) || (folder !== null && isInside(file, folder));
    if (!isOwn && what.path !== nvramPath) throw strange(record, file);
  }
  for (const { path: file } of [...placement.disks, ...placement.files]) {
    if (SYSTEM_FOLDERS.some((system) => isInside(file, system))) throw strange(record, file);
  }
}

function strange({ id, name }: ShelvedInstance, file: string): DarkroomError {
  return new DarkroomError(
    'SHELF_DAMAGED',
    `The record of the shelved instance ${name} names ${file}, where no machine has its files. Name a folder for its disks with --disk-dir, ` +
      'or look who writes to the store.',
    { fields: { instanceId: id, path: file } },
  );
}
