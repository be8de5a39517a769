import type { DomainDescription, DomainDisk } from '../../../model/domain-xml/describe-domain.ts';
import { DarkroomError } from '../../../model/errors.ts';
import type { DiskFormat, SkippedDisk } from '../../../model/image.ts';

export interface SelectedDisk {
  readonly target: string;
  readonly path: string;
  readonly format: DiskFormat;
  readonly isBlockDevice: boolean;
}

export interface DiskSelection {
  readonly captured: readonly SelectedDisk[];
  readonly skipped: readonly SkippedDisk[];
}

/** Which disks belong in an image, or of those whose targets are stated. Throws NO_DISKS or DISK_UNSUPPORTED; what can never be in an image is named instead. */
export function selectDisks(domain: DomainDescription, only: readonly string[] | null = null): DiskSelection {
  const captured: SelectedDisk[] = [];
  const skipped: SkippedDisk[] = [];
  for (const disk of domain.disks.filter(({ target }) => only?.includes(target) ?? true)) {
    const reason = skipReason(disk);
    if (reason === null) captured.push(requireSupported(domain, disk));
    else skipped.push({ target: disk.target, device: disk.device, reason });
  }
  if (captured.length === 0) {
    throw new DarkroomError('NO_DISKS', `The instance ${domain.name} has no writable disk that an image could hold.`, {
      fields: { instanceId: domain.uuid },
    });
  }
  return { captured, skipped };
}

function skipReason(disk: DomainDisk): SkippedDisk['reason'] | null {
  if (disk.device === 'cdrom' || disk.device === 'floppy') return disk.device;
  if (disk.isReadOnly) return 'readonly';
  if (disk.isShareable) return 'shareable';
  return null;
}

function requireSupported(domain: DomainDescription, disk: DomainDisk): SelectedDisk {
  const refuse = (what: string): DarkroomError =>
    new DarkroomError('DISK_UNSUPPORTED', `Disk ${disk.target} of ${domain.name} ${what}.`, {
      fields: { instanceId: domain.uuid, target: disk.target, sourceType: disk.sourceType, format: disk.format },
    });
  if (disk.sourceType === 'network') throw refuse('is a network disk; those cannot be captured yet');
  if (disk.path === null)
    throw refuse(`has a source of type ${disk.sourceType}; only files and host block devices can be captured`);
  if (disk.device !== 'disk') throw refuse(`is a ${disk.device} device; only plain disks can be captured`);
  if (disk.format !== 'qcow2' && disk.format !== 'raw')
    throw refuse(`is ${disk.format}; only qcow2 and raw disks can be captured`);
  if (disk.isTransient) throw refuse('is transient: what it holds is thrown away when the guest stops');
  if (disk.isEncrypted) throw refuse('is encrypted; an image of it could not be read');
  return {
    target: disk.target,
    path: disk.path,
    format: disk.format,
    isBlockDevice: disk.sourceType === 'block',
  };
}
