import { checked } from './last-error.ts';
import { declareFunctions, type Pointer } from './library.ts';

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainMetadataType */
const METADATA_ELEMENT = 2;

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainModificationImpact */
export const AFFECT = { live: 1 << 0, config: 1 << 1 } as const;

/** An element inside `<metadata>`. */
export interface MetadataElement {
  /** It is the only one of its namespace. */
  readonly namespace: string;
  readonly prefix: string;
  /** Without its namespace, which libvirt adds; null: none. */
  readonly xml: string | null;
}

interface Native {
  setMetadata(
    ...args: [domain: Pointer, type: number, xml: string | null, prefix: string, namespace: string, flags: number]
  ): number;
}

const native = declareFunctions(
  (library): Native => ({
    setMetadata: library.func(
      'int virDomainSetMetadata(void *domain, int type, const char *metadata, const char *key, const char *uri, uint flags)',
    ),
  }),
);

/**
 * Sets or takes away one element of the metadata, as `flags` (AFFECT) say. VIR_ERR_OPERATION_INVALID for the live part of
 * a domain that is off, or the persistent one of a transient domain.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainSetMetadata
 */
export function setMetadata(domain: Pointer, { namespace, prefix, xml }: MetadataElement, flags: number): void {
  const result = native().setMetadata(domain, METADATA_ELEMENT, xml, prefix, namespace, flags);
  checked('virDomainSetMetadata', result);
}
