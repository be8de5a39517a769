import { checked, orThrow } from './last-error.ts';
import { declareFunctions, type Pointer } from './library.ts';

/** https://libvirt.org/html/libvirt-libvirt-domain-snapshot.html#virDomainSnapshotCreateFlags */
export const SNAPSHOT_CREATE = { noMetadata: 1 << 2, diskOnly: 1 << 4, reuseExt: 1 << 5, atomic: 1 << 7 } as const;

/** https://libvirt.org/html/libvirt-libvirt-domain-snapshot.html#virDomainSnapshotListFlags */
export const SNAPSHOT_LIST = { internal: 1 << 8 } as const;

interface Native {
  createXML(domain: Pointer, xml: string, flags: number): Pointer | null;
  free(snapshot: Pointer): number;
  num(domain: Pointer, flags: number): number;
}

const native = declareFunctions(
  (library): Native => ({
    createXML: library.func('void *virDomainSnapshotCreateXML(void *domain, const char *xml, uint flags)'),
    free: library.func('int virDomainSnapshotFree(void *snapshot)'),
    num: library.func('int virDomainSnapshotNum(void *domain, uint flags)'),
  }),
);

/**
 * Makes a snapshot as XML and `flags` (SNAPSHOT_CREATE) say; `free` the object.
 * https://libvirt.org/html/libvirt-libvirt-domain-snapshot.html#virDomainSnapshotCreateXML
 */
export function createXML(domain: Pointer, xml: string, flags: number): Pointer {
  return orThrow('virDomainSnapshotCreateXML', native().createXML(domain, xml, flags));
}

/** https://libvirt.org/html/libvirt-libvirt-domain-snapshot.html#virDomainSnapshotFree */
export function free(snapshot: Pointer): void {
  checked('virDomainSnapshotFree', native().free(snapshot));
}

/**
 * How many snapshots libvirt knows that pass the filters in `flags` (SNAPSHOT_LIST).
 * https://libvirt.org/html/libvirt-libvirt-domain-snapshot.html#virDomainSnapshotNum
 */
export function num(domain: Pointer, flags: number): number {
  return checked('virDomainSnapshotNum', native().num(domain, flags));
}
