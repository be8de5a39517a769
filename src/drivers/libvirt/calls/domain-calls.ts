import * as connect from '../binding/connect.ts';
import * as domain from '../binding/domain.ts';
import * as metadata from '../binding/domain-metadata.ts';
import type { Pointer } from '../binding/library.ts';
import { ERROR_CODE, LibvirtError } from '../binding/libvirt-error.ts';
import { type DomainArgs, usingDomain, withDomain } from './with-domain.ts';

export interface DomainSummary {
  readonly uuid: string;
  readonly name: string;
  /** virDomainState. */
  readonly state: number;
  readonly isPersistent: boolean;
  readonly isAutostart: boolean;
  readonly hasManagedSave: boolean;
  readonly nrVirtCpu: number;
  readonly memoryKiB: number;
}

/** What its size is, the XML says. */
export interface DomainWithXml {
  readonly summary: Omit<DomainSummary, 'nrVirtCpu' | 'memoryKiB'>;
  readonly xml: string;
}

/** A part of the domains that does not depend on which others there are: by their UUIDs. */
export interface Share {
  readonly index: number;
  readonly count: number;
}

const WHOLE: Share = { index: 0, count: 1 };

export const domainCalls = {
  listDomains(connection: Pointer): DomainSummary[] {
    return listWith(connection, { share: WHOLE, read: (object, flags) => ({ ...flags, ...namesAndInfo(object) }) });
  },

  /**
   * One way between threads for what would be hundreds, and one question for each domain, since its state is known by
   * the list that it is in. The shares of several threads together are all domains.
   */
  listDomainXmls(connection: Pointer, share: Share): DomainWithXml[] {
    const states = readStates(connection);
    const read = (object: Pointer, flags: Flags): DomainWithXml => {
      const state = states.get(flags.uuid) ?? domain.getInfo(object).state;
      return { summary: { ...flags, name: domain.getName(object), state }, xml: domain.getXMLDesc(object, 0) };
    };
    return listWith(connection, { share, read });
  },

  getDomain(connection: Pointer, { uuid }: DomainArgs): DomainSummary {
    return withDomain(connection, uuid, (object) => {
      const isPersistent = domain.isPersistent(object);
      return {
        ...namesAndInfo(object),
        isPersistent,
        isAutostart: isPersistent && domain.getAutostart(object),
        hasManagedSave: isPersistent && domain.hasManagedSaveImage(object),
      };
    });
  },

  getDomainXml(connection: Pointer, { uuid, isInactive, isSecure }: DomainArgs & XmlArgs): string {
    const flags = (isInactive ? domain.XML_DESC.inactive : 0) | (isSecure ? domain.XML_DESC.secure : 0);
    return withDomain(connection, uuid, (object) => domain.getXMLDesc(object, flags));
  },

  defineDomain(connection: Pointer, { xml }: { readonly xml: string }): string {
    return usingDomain(domain.defineXML(connection, xml), domain.getUUIDString);
  },

  undefineDomain(connection: Pointer, { uuid, flags }: DomainArgs & { readonly flags: number }): void {
    withDomain(connection, uuid, (object) => domain.undefineFlags(object, flags));
  },

  setAutostart(connection: Pointer, { uuid, isEnabled }: DomainArgs & { readonly isEnabled: boolean }): void {
    withDomain(connection, uuid, (object) => domain.setAutostart(object, { isEnabled }));
  },

  /** Of what runs and of what is defined, whichever there is. */
  setMetadata(connection: Pointer, { uuid, ...element }: DomainArgs & metadata.MetadataElement): void {
    withDomain(connection, uuid, (object) => {
      const flags = partsOf(object);
      try {
        metadata.setMetadata(object, element, flags);
      } catch (error) {
        // started, stopped or undefined since it was looked at
        const flagsNow = partsOf(object);
        if (flagsNow === flags) throw error;
        metadata.setMetadata(object, element, flagsNow);
      }
    });
  },
};

interface XmlArgs {
  readonly isInactive: boolean;
  readonly isSecure: boolean;
}

function partsOf(object: Pointer): number {
  const { live, config } = metadata.AFFECT;
  return (domain.isActive(object) ? live : 0) | (domain.isPersistent(object) ? config : 0);
}

type Flags = Pick<DomainSummary, 'uuid' | 'isPersistent' | 'isAutostart' | 'hasManagedSave'>;

function listWith<T>(
  connection: Pointer,
  { share, read }: { readonly share: Share; readonly read: (object: Pointer, flags: Flags) => T },
): T[] {
  const objects = connect.listAllDomains(connection, 0);
  const found = usingDomains(objects, () => {
    // after the list of all: of a domain that came since nothing is wanted
    const transient = uuidsOf(connection, connect.LIST_DOMAINS.transient);
    const autostart = uuidsOf(connection, connect.LIST_DOMAINS.autostart);
    const managedSave = uuidsOf(connection, connect.LIST_DOMAINS.managedSave);
    return objects.map((object) => {
      const uuid = domain.getUUIDString(object);
      if (!isOfShare(uuid, share)) return null;
      const isPersistent = !transient.has(uuid);
      const flags = { isPersistent, isAutostart: autostart.has(uuid), hasManagedSave: managedSave.has(uuid) };
      return unlessGone(() => read(object, { ...flags, uuid }));
    });
  });
  return found.filter((item) => item !== null);
}

/** virDomainState of all that are in one of the usual three. */
function readStates(connection: Pointer): ReadonlyMap<string, number> {
  const { running, paused, shutoff } = connect.LIST_DOMAINS;
  return new Map(
    [
      { filter: running, state: 1 },
      { filter: paused, state: 3 },
      { filter: shutoff, state: 5 },
    ].flatMap(({ filter, state }) => [...uuidsOf(connection, filter)].map((uuid) => [uuid, state] as const)),
  );
}

function isOfShare(uuid: string, { index, count }: Share): boolean {
  return count === 1 || Number.parseInt(uuid.slice(-8), 16) % count === index;
}

/** Four lists and one call per domain, instead of four calls per domain. */
function uuidsOf(connection: Pointer, filter: number): Set<string> {
  const objects = connect.listAllDomains(connection, filter);
  return usingDomains(objects, () => new Set(objects.map(domain.getUUIDString)));
}

function usingDomains<T>(objects: readonly Pointer[], use: () => T): T {
  try {
    return use();
  } finally {
    for (const object of objects) domain.free(object);
  }
}

function namesAndInfo(object: Pointer): Pick<DomainSummary, 'uuid' | 'name' | 'state' | 'nrVirtCpu' | 'memoryKiB'> {
  const { state, nrVirtCpu, memoryKiB } = domain.getInfo(object);
  return { uuid: domain.getUUIDString(object), name: domain.getName(object), state, nrVirtCpu, memoryKiB };
}

/** A domain may go between the list and the look at it. */
function unlessGone<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof LibvirtError && error.code === ERROR_CODE.noDomain) return null;
    throw error;
  }
}
