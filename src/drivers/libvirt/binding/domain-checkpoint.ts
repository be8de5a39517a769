import { checked, orThrow } from './last-error.ts';
import { declareFunctions, type Out, type Pointer, takePointers } from './library.ts';

/** https://libvirt.org/html/libvirt-libvirt-domain-checkpoint.html#virDomainCheckpointCreateFlags */
export const CHECKPOINT_CREATE = { redefine: 1 << 0, redefineValidate: 1 << 2 } as const;

/** https://libvirt.org/html/libvirt-libvirt-domain-checkpoint.html#virDomainCheckpointListFlags */
export const CHECKPOINT_LIST = { topological: 1 << 1 } as const;

/** https://libvirt.org/html/libvirt-libvirt-domain-checkpoint.html#virDomainCheckpointXMLFlags */
export const CHECKPOINT_XML = { secure: 1 << 0, noDomain: 1 << 1, size: 1 << 2 } as const;

/** https://libvirt.org/html/libvirt-libvirt-domain-checkpoint.html#virDomainCheckpointDeleteFlags */
export const CHECKPOINT_DELETE = { metadataOnly: 1 << 1 } as const;

interface Native {
  createXML(domain: Pointer, xml: string, flags: number): Pointer | null;
  lookupByName(domain: Pointer, name: string, flags: number): Pointer | null;
  free(checkpoint: Pointer): number;
  getName(checkpoint: Pointer): string | null;
  getXMLDesc(checkpoint: Pointer, flags: number): string | null;
  listAll(domain: Pointer, checkpoints: Out<Pointer>, flags: number): number;
  remove(checkpoint: Pointer, flags: number): number;
}

const native = declareFunctions(
  (library): Native => ({
    createXML: library.func('void *virDomainCheckpointCreateXML(void *domain, const char *xml, uint flags)'),
    lookupByName: library.func('void *virDomainCheckpointLookupByName(void *domain, const char *name, uint flags)'),
    free: library.func('int virDomainCheckpointFree(void *checkpoint)'),
    getName: library.func('const char *virDomainCheckpointGetName(void *checkpoint)'),
    getXMLDesc: library.func('HeapString virDomainCheckpointGetXMLDesc(void *checkpoint, uint flags)'),
    listAll: library.func('int virDomainListAllCheckpoints(void *domain, _Out_ void **checkpoints, uint flags)'),
    remove: library.func('int virDomainCheckpointDelete(void *checkpoint, uint flags)'),
  }),
);

/**
 * Makes a checkpoint, or with CHECKPOINT_CREATE.redefine takes up one that was: XML with creationTime, its parent known; `free` it.
 * With redefineValidate too, of a domain that runs, VIR_ERR_CHECKPOINT_INCONSISTENT unless its bitmaps are there and sound.
 * https://libvirt.org/html/libvirt-libvirt-domain-checkpoint.html#virDomainCheckpointCreateXML
 */
export function createXML(domain: Pointer, xml: string, flags: number): Pointer {
  return orThrow('virDomainCheckpointCreateXML', native().createXML(domain, xml, flags));
}

/**
 * The checkpoint of that name; `free` it. VIR_ERR_NO_DOMAIN_CHECKPOINT.
 * https://libvirt.org/html/libvirt-libvirt-domain-checkpoint.html#virDomainCheckpointLookupByName
 */
export function lookupByName(domain: Pointer, name: string): Pointer {
  return orThrow('virDomainCheckpointLookupByName', native().lookupByName(domain, name, 0));
}

/** https://libvirt.org/html/libvirt-libvirt-domain-checkpoint.html#virDomainCheckpointFree */
export function free(checkpoint: Pointer): void {
  checked('virDomainCheckpointFree', native().free(checkpoint));
}

/** Asks nobody. https://libvirt.org/html/libvirt-libvirt-domain-checkpoint.html#virDomainCheckpointGetName */
export function getName(checkpoint: Pointer): string {
  return orThrow('virDomainCheckpointGetName', native().getName(checkpoint));
}

/**
 * Its XML with the domain as it was, as `flags` (CHECKPOINT_XML) say; with sizes in bytes, only of a domain that runs.
 * https://libvirt.org/html/libvirt-libvirt-domain-checkpoint.html#virDomainCheckpointGetXMLDesc
 */
export function getXMLDesc(checkpoint: Pointer, flags: number): string {
  return orThrow('virDomainCheckpointGetXMLDesc', native().getXMLDesc(checkpoint, flags));
}

/**
 * All checkpoints of the domain, in the order that `flags` (CHECKPOINT_LIST) ask for; each to be freed with `free`. A driver
 * without checkpoints fails with VIR_ERR_NO_SUPPORT.
 * https://libvirt.org/html/libvirt-libvirt-domain-checkpoint.html#virDomainListAllCheckpoints
 */
export function listAll(domain: Pointer, flags: number): Pointer[] {
  const checkpoints: Out<Pointer> = [null];
  const count = checked('virDomainListAllCheckpoints', native().listAll(domain, checkpoints, flags));
  return takePointers(checkpoints[0], count);
}

/**
 * Deletes it: its bitmaps are merged into its parent's, of a domain that runs; or only what libvirt knows of it
 * (CHECKPOINT_DELETE.metadataOnly). Its children become its parent's.
 * https://libvirt.org/html/libvirt-libvirt-domain-checkpoint.html#virDomainCheckpointDelete
 */
export function remove(checkpoint: Pointer, flags: number): void {
  checked('virDomainCheckpointDelete', native().remove(checkpoint, flags));
}
