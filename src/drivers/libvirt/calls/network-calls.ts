import * as connect from '../binding/connect.ts';
import { ADDRESS_SOURCE, type DomainInterface, interfaceAddresses } from '../binding/domain-interfaces.ts';
import type { Pointer } from '../binding/library.ts';
import * as network from '../binding/network.ts';
import { type DomainArgs, withDomain } from './with-domain.ts';

interface AddressArgs extends DomainArgs {
  readonly source: keyof typeof ADDRESS_SOURCE;
}

export const networkCalls = {
  listInterfaceAddresses(connection: Pointer, { uuid, source }: AddressArgs): DomainInterface[] {
    return withDomain(connection, uuid, (object) => interfaceAddresses(object, ADDRESS_SOURCE[source]));
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
    const object = network.lookupByName(connection, name);
    try {
      network.create(object);
    } finally {
      network.free(object);
    }
  },
};
