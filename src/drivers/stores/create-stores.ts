import path from 'node:path';
import { DarkroomError } from '../../model/errors.ts';
import type { OpenStore, Stores } from '../../model/ports/stores.ts';
import type { StoreDescription, StoreOutage } from '../../model/store.ts';
import type { S3Access } from '../../model/store-access.ts';
import { createDirectoryShelf } from './directory/directory-shelf.ts';
import { createDirectorySnapshots } from './directory/directory-snapshots.ts';
import { createDirectoryStore } from './directory/directory-store.ts';
import { createDirectoryUpkeep } from './directory/upkeep.ts';
import { createS3Store } from './s3/create-s3-store.ts';

export interface StoresOptions {
  /** The default first. */
  readonly stores: readonly {
    readonly name: string;
    /** Absolute path of a folder, or `s3://bucket/prefix`. */
    readonly location: string;
    /** null: as `server`. */
    readonly s3: S3Access | null;
  }[];
  /** How a store is reached that is named by its URL alone. */
  readonly server: S3Access;
  /** Gets a folder for each store that lies elsewhere. */
  readonly cacheDir: string;
  readonly cacheLimitBytes: number;
  /** Group that may read image files. */
  readonly imageGroup: string;
  readonly hostName: string;
  /** Hears once per outage of a store that does not answer and is asked again. */
  readonly onOutage?: (outage: StoreOutage) => void;
}

/** Opens what the configuration names, each once. */
export function createStores(options: StoresOptions): Stores {
  const opened = new Map<string, OpenStore>();
  const descriptions = options.stores.map(({ name, location }, index) => ({
    ...describe(name, location),
    isDefault: index === 0,
  }));
  return {
    list: () => descriptions,
    open: (wanted) => {
      const found = opened.get(wanted) ?? openStore(options, chooseStore(descriptions, wanted));
      opened.set(wanted, found);
      return found;
    },
  };
}

function describe(name: string, location: string): StoreDescription {
  return { name, location, kind: location.startsWith('s3://') ? 's3' : 'directory', isDefault: false };
}

function chooseStore(known: readonly StoreDescription[], wanted: string): StoreDescription {
  const named = known.find(({ name, location }) => name === wanted || location === wanted);
  if (named !== undefined) return named;
  if (wanted.startsWith('s3://') || path.isAbsolute(wanted)) return describe(wanted, wanted);
  const names = known.map(({ name }) => name).join(', ');
  throw new DarkroomError(
    'STORE_NOT_FOUND',
    `There is no store called ${JSON.stringify(wanted)}: known are ${names}.`,
    {
      fields: { store: wanted },
    },
  );
}

function openStore(options: StoresOptions, description: StoreDescription): OpenStore {
  const { imageGroup, hostName, onOutage } = options;
  const { name, location } = description;
  if (description.kind === 's3') {
    const named = options.stores.find((store) => store.name === name);
    return createS3Store({
      description,
      hostName,
      bucket: {
        location,
        ...(named?.s3 ?? options.server),
        onUnreachable: (outage) => onOutage?.({ store: name, location, ...outage }),
      },
      mirror: {
        rootPath: path.join(options.cacheDir, folderName(location)),
        limitBytes: options.cacheLimitBytes,
        imageGroup,
      },
    });
  }
  return {
    description,
    images: createDirectoryStore({ location, imageGroup }),
    shelf: createDirectoryShelf({ location, imageGroup }),
    snapshots: createDirectorySnapshots({ location, imageGroup }),
    upkeep: createDirectoryUpkeep({ location, imageGroup }),
  };
}

/** Of its copies on this host: two names of one store share them. */
function folderName(location: string): string {
  return location.slice('s3://'.length).replaceAll('/', '~');
}
