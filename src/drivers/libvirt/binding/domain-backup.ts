import { checked, orThrow } from './last-error.ts';
import { declareFunctions, type Pointer } from './library.ts';

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainBackupBeginFlags */
export const BACKUP_BEGIN = { reuseExternal: 1 << 0 } as const;

interface Native {
  backupBegin(...args: [domain: Pointer, backupXml: string, checkpointXml: string | null, flags: number]): number;
  backupGetXMLDesc(domain: Pointer, flags: number): string | null;
}

const native = declareFunctions(
  (library): Native => ({
    backupBegin: library.func(
      'int virDomainBackupBegin(void *domain, const char *backupXml, const char *checkpointXml, uint flags)',
    ),
    backupGetXMLDesc: library.func('HeapString virDomainBackupGetXMLDesc(void *domain, uint flags)'),
  }),
);

/**
 * Starts a backup of a running domain, and a checkpoint at the same instant where there is XML of one; the job runs on after the
 * call. Bitmaps that are missing or broken: VIR_ERR_CHECKPOINT_INCONSISTENT. While another job goes on it waits 30 s, then fails
 * with VIR_ERR_OPERATION_TIMEOUT. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainBackupBegin
 */
export function backupBegin(
  domain: Pointer,
  xml: { readonly backup: string; readonly checkpoint: string | null },
  flags: number,
): void {
  checked('virDomainBackupBegin', native().backupBegin(domain, xml.backup, xml.checkpoint, flags));
}

/**
 * The XML of the backup that runs; VIR_ERR_NO_DOMAIN_BACKUP where none does.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainBackupGetXMLDesc
 */
export function backupGetXMLDesc(domain: Pointer): string {
  return orThrow('virDomainBackupGetXMLDesc', native().backupGetXMLDesc(domain, 0));
}
