import type { StoreUpkeep } from '../../../model/ports/stores.ts';
import type { DirectoryStoreOptions } from './directory-store.ts';

/** Upkeep of a store in a folder; see the port. */
export function createDirectoryUpkeep(_options: DirectoryStoreOptions): StoreUpkeep {
  return {
    findFaults: async () => [],
    removeFault: async () => false,
    measureCache: async () => null,
    freeCache: async () => 0,
  };
}
