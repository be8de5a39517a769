import { DarkroomError } from '../../src/model/errors.ts';
import type { ImageServices } from '../../src/model/ports/image-service.ts';
import type { OpenStore, Stores, StoreUpkeep } from '../../src/model/ports/stores.ts';
import type { StoreFinding } from '../../src/model/store.ts';
import { createFakeImageStore } from './fake-image-store.ts';
import { createFakeShelf } from './fake-shelf.ts';
import { createFakeSnapshotStore } from './fake-snapshot-store.ts';

/** A store on this host, with these faults, in which removing one is all there is to do. */
export function createFakeUpkeep(findings: readonly StoreFinding[] = []): StoreUpkeep {
  let left = findings;
  return {
    findFaults: async () => left,
    removeFault: async (finding) => {
      const isThere = left.includes(finding);
      left = left.filter((each) => each !== finding);
      return isThere;
    },
    measureCache: async () => null,
    freeCache: async () => 0,
  };
}

type Parts = Partial<Omit<OpenStore, 'description'>>;

/** Stores by name, the first the default; a path that no store has opens an empty one. */
export function createFakeStores(byName: Readonly<Record<string, Parts>> = { default: {} }): Stores {
  const opened = new Map(Object.entries(byName).map(([name, parts], index) => [name, open(name, parts, index === 0)]));
  return {
    list: () => [...opened.values()].map(({ description }) => description),
    open: (wanted) => {
      const found =
        opened.get(wanted) ?? [...opened.values()].find(({ description }) => description.location === wanted);
      if (found !== undefined) return found;
      if (!wanted.startsWith('/')) throw new DarkroomError('STORE_NOT_FOUND', `There is no store called ${wanted}`);
      const made = open(wanted, {}, false);
      opened.set(wanted, made);
      return made;
    },
  };
}

export const NO_IMAGE_SERVICES: ImageServices = {
  list: () => [],
  open: (name) => {
    throw new DarkroomError('STORE_NOT_FOUND', `There is no image service called ${name}`);
  },
};

function open(name: string, parts: Parts, isDefault: boolean): OpenStore {
  const images = parts.images ?? createFakeImageStore();
  return {
    description: { name, kind: 'directory', location: images.location, isDefault },
    images,
    shelf: parts.shelf ?? createFakeShelf(),
    snapshots: parts.snapshots ?? createFakeSnapshotStore(),
    upkeep: parts.upkeep ?? createFakeUpkeep(),
  };
}
