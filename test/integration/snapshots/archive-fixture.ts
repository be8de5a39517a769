import path from 'node:path';
import type { Operation } from '../../../src/model/operation.ts';
import { exportSnapshot } from '../../../src/operations/export-snapshot.ts';
import { importSnapshot } from '../../../src/operations/import-snapshot.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { runToEnd } from '../../support/image-core.ts';
import { createChainFixture, listTree } from './transfer-fixture.ts';

export const BOB = { name: 'bob', role: 'operator' as const, isTrustedWithPaths: true };
export const MANIFEST = 'darkroom-snapshots.json';

export type ArchiveFixture = ReturnType<typeof createArchiveFixture>;

/** A host that writes chains of snapshots into files, and reads them into another store. */
export function createArchiveFixture() {
  const fixture = createChainFixture();
  const elsewhere = (parts: Partial<Omit<Core, 'settings'>> = {}): Core =>
    fixture.core({ snapshots: fixture.otherStore, ...parts });
  return {
    ...fixture,
    /** Of this host, with the other store. */
    elsewhere,
    exportTo: (target: string, snapshot: string, core?: Core): Promise<Operation> =>
      runToEnd(core ?? fixture.core(), exportSnapshot, { kind: 'snapshot.export', snapshot, path: target }),
    /** Into the other store, unless another core is stated. */
    importFrom: (source: string, core: Core = elsewhere()): Promise<Operation> =>
      runToEnd(core, importSnapshot, { kind: 'snapshot.import', path: source }),
    /** What is in the folder of the volume in the other store, but for the lock and such. */
    arrived: (): readonly string[] =>
      listTree(path.join(fixture.other, 'snapshots')).filter((name) => /^[^/]*\/.*[^k]$/.test(name)),
  };
}
