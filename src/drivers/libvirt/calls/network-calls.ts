import * as connect from '../binding/connect.ts';
import { ADDRESS_SOURCE, type DomainInterface, interfaceAddresses } from '../binding/domain-interfaces.ts';
import type { Pointer } from '../binding/library.ts';
import { ERROR_CODE, LibvirtError } from '../binding/libvirt-error.ts';
import * as network from '../binding/network.ts';
import { type CallAnswer, describeFailure } from '../threads/call-answer.ts';
import { type DomainArgs, withDomain } from './with-domain.ts';

interface AddressArgs extends DomainArgs {
  readonly source: keyof typeof ADDRESS_SOURCE;
}

export const networkCalls = {
  listInterfaceAddresses(connection: Pointer, { uuid, source }: AddressArgs): DomainInterface[] {
    return withDomain(connection, uuid, (object) => interfaceAddresses(object, ADDRESS_SOURCE[source]));
  },

  /** In one way between threads; each with its own failure. */
  listLeasesOf(connection: Pointer, { uuids }: { readonly uuids: readonly string[] }): CallAnswer<DomainInterface[]>[] {
    return uuids.map((uuid) => {
      try {
        const read = (object: Pointer): DomainInterface[] => interfaceAddresses(object, ADDRESS_SOURCE.lease);
        return { isOk: true, value: withDomain(connection, uuid, read) };
      } catch (error) {
        return { isOk: false, failure: describeFailure(error, !connect.isAlive(connection)) };
      }
    });
  },

  listNetworks(connection: Pointer): { name: string; isActive: boolean }[] {
    const objects = connect.listAllNetworks(connection, 0);
    try {
      return objects.map((object) => ({ name: network.getName(object), isActive: network.isActive(object) }));
    } finally {
      for (const object of objects) network.free(object);
    }
  },

  startNetwork(connection: Pointer, { name }: { readonly name: string }): void {
    withNetwork(connection, name, network.create);
  },

  /** The persistent XML where there is one. */
  listNetworkXmls(connection: Pointer): { name: string; xml: string }[] {
    const objects = connect.listAllNetworks(connection, 0);
    try {
      // a transient network may go between the list and the look at it
      const read = objects.map((object) => nullOn(ERROR_CODE.noNetwork, () => readXml(object)));
      return read.filter((each) => each !== null);
    } finally {
      for (const object of objects) network.free(object);
    }
  },

  addDhcpHost(connection: Pointer, { network: name, xml }: { readonly network: string; readonly xml: string }): void {
    const command = network.UPDATE_COMMAND.addLast;
    const section = network.UPDATE_SECTION.ipDhcpHost;
    withNetwork(connection, name, (object) =>
      network.update(object, { command, section, parentIndex: -1, xml, flags: affectedBy(object) }),
    );
  },
};

function withNetwork(connection: Pointer, name: string, use: (object: Pointer) => void): void {
  const object = network.lookupByName(connection, name);
  try {
    use(object);
  } finally {
    network.free(object);
  }
}

function readXml(object: Pointer): { name: string; xml: string } {
  const flags = network.isPersistent(object) ? network.NETWORK_XML.inactive : 0;
  const read = nullOn(ERROR_CODE.invalidArg, () => network.getXMLDesc(object, flags));
  // a driver with one XML per network, such as the test driver
  return { name: network.getName(object), xml: read ?? network.getXMLDesc(object, 0) };
}

/** null where libvirt fails with that code. */
function nullOn<T>(code: number, read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof LibvirtError && error.code === code) return null;
    throw error;
  }
}

/** libvirt refuses to change a running network that is not, and a definition that is not there. */
function affectedBy(object: Pointer): number {
  const live = network.isActive(object) ? network.UPDATE_AFFECT.live : 0;
  const config = network.isPersistent(object) ? network.UPDATE_AFFECT.config : 0;
  return live | config;
}
