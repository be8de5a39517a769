import * as connect from '../binding/connect.ts';
import type { Pointer } from '../binding/library.ts';

export const hostCalls = {
  hostVersions(connection: Pointer): { driver: string; libvirt: number; hypervisor: number } {
    return {
      driver: connect.getType(connection),
      libvirt: connect.getLibVersion(connection),
      hypervisor: connect.getVersion(connection),
    };
  },

  hostCapabilities(connection: Pointer): string {
    return connect.getCapabilities(connection);
  },
};
