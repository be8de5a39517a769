import { DarkroomError } from '../errors.ts';
import type { BackupDisk } from '../ports/hypervisor.ts';
import { appendElement, ensureElement, parseXml, rootElement, selectElements, serializeXml } from './xml.ts';

/**
 * A `<domainbackup>` that pushes those disks into files that exist (REUSE_EXTERNAL). Disks that a list leaves out take no part; only
 * an empty list would mean all of them. https://libvirt.org/formatbackup.html
 */
export function buildBackupXml(disks: readonly BackupDisk[]): string {
  if (disks.length === 0) throw new DarkroomError('INTERNAL', 'A backup without disks would be one of all disks');
  const document = parseXml("<domainbackup mode='push'/>");
  const list = ensureElement(rootElement(document), 'disks');
  for (const { target, path, incremental } of disks) {
    const since = incremental === null ? { backupmode: 'full' } : { backupmode: 'incremental', incremental };
    const disk = appendElement(list, 'disk', { name: target, backup: 'yes', type: 'file', ...since });
    appendElement(disk, 'driver', { type: 'qcow2' });
    appendElement(disk, 'target', { file: path });
  }
  return serializeXml(document);
}

/** Files that a backup writes: its targets, or its scratch files where somebody pulls it. https://libvirt.org/formatbackup.html */
export function readBackupPaths(backupXml: string): string[] {
  const files = selectElements('./disks/disk/target | ./disks/disk/scratch', rootElement(parseXml(backupXml)));
  return files.flatMap((file) => file.getAttribute('file') || file.getAttribute('dev') || []);
}
