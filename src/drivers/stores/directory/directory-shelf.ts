import path from 'node:path';
import type { Shelf } from '../../../model/ports/shelf.ts';
import type { DirectoryStoreOptions } from './directory-store.ts';
import { assertClaimable, createClaim, readClaim, releaseClaim, stealClaim } from './shelf-claims.ts';
import { listShelved, readShelved, removeShelved, writeShelved } from './shelf-records.ts';

/**
 * Shelved instances in a folder: `instances/<uuid>.json` and `instances/<uuid>.claim`, private. Nothing is touched before
 * the first call. Errors as the port says; an id that is no UUID is INVALID_REQUEST. Claims rest on link(2) being exclusive
 * (https://man7.org/linux/man-pages/man2/link.2.html), which it is on NFS and CephFS too.
 */
export function createDirectoryShelf(options: DirectoryStoreOptions): Shelf {
  const root = path.resolve(options.location);
  return {
    assertWritable: () => assertClaimable(root),
    list: () => listShelved(root),
    read: (instanceId) => readShelved(root, instanceId),
    write: (record) => writeShelved(root, record),
    remove: (instanceId) => removeShelved(root, instanceId),
    claim: (claim) => createClaim(root, claim),
    readClaim: (instanceId) => readClaim(root, instanceId),
    releaseClaim: (instanceId, operationId) => releaseClaim(root, instanceId, operationId),
    stealClaim: (claim, from) => stealClaim(root, claim, from),
  };
}
