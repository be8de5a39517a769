import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { parseSnapshotRecord, serialiseSnapshotRecord } from '../../src/drivers/stores/documents/snapshot-record.ts';
import { DarkroomError, type ErrorCode } from '../../src/model/errors.ts';
import type {
  BrokenSnapshot,
  SnapshotFileDraft,
  SnapshotStore,
  VolumeClaim,
} from '../../src/model/ports/snapshot-store.ts';
import type { SnapshotRecord } from '../../src/model/snapshot/snapshot.ts';

export interface FakeSnapshotStore extends SnapshotStore {
  /** Puts any text where a record should be. */
  putRecord(key: Key, content: string): void;
  /** Every claim that is held, by volume. */
  readonly claims: ReadonlyMap<string, VolumeClaim>;
  /** Removes the files. */
  dispose(): void;
}

type Key = Pick<SnapshotRecord, 'id' | 'volume'>;

/** Records in memory, read and written by the rules of the real ones; files in a temporary folder, since others write them. */
export function createFakeSnapshotStore(): FakeSnapshotStore {
  const root = mkdtempSync(path.join(tmpdir(), 'dr-fake-snapshots-'));
  removeAfterTest(root);
  const records = new Map<string, { readonly volume: string; readonly content: string }>();
  const xmls = new Map<string, string>();
  const folderOf = (volume: string): string => path.join(root, 'snapshots', assertVolume(volume));
  const filePath = ({ id, volume }: Key): string => path.join(root, 'snapshots', ...assertKey({ id, volume }));
  const read = (id: string): SnapshotRecord => {
    const record = records.get(id);
    if (record === undefined) throw failure('SNAPSHOT_NOT_FOUND', `There is no snapshot ${id}`);
    return parseSnapshotRecord(record.content, { id, volume: record.volume });
  };
  return {
    location: root,
    rootPath: root,
    assertWritable: async (volume) => void mkdirSync(folderOf(volume), { recursive: true }),
    list: async (filter = {}) => {
      const keys = [...records].map(([id, { volume }]) => ({ id, volume }));
      return listRecords(
        keys.filter(({ volume }) => filter.volume === undefined || volume === filter.volume),
        read,
      );
    },
    read: async (id) => read(id),
    filePath,
    resolveFile: async (snapshot) => requireFile(filePath(snapshot), 'SNAPSHOT_DAMAGED'),
    isHere: async (snapshot) => existsSync(filePath(snapshot)),
    readDomainXml: async (snapshot) => xmls.get(assertKey(snapshot)[1]) ?? null,
    draft: (snapshot, tag) => openDraft(filePath(snapshot), { id: snapshot.id, tag: assertTag(tag) }),
    discardDrafts: async (volume, tag) => {
      const names = existsSync(folderOf(volume)) ? readdirSync(folderOf(volume)) : [];
      for (const name of names.filter((each) => each.startsWith('.') && each.endsWith(`.${tag}.partial`)))
        rmSync(path.join(folderOf(volume), name));
    },
    publish: async (snapshot, domainXml) => {
      const content = serialiseSnapshotRecord(snapshot);
      if (records.has(snapshot.id)) throw failure('SNAPSHOT_STATE', `Snapshot ${snapshot.id} is already in the store`);
      requireFile(filePath(snapshot), 'STORE_WRITE_FAILED');
      if (domainXml === null) xmls.delete(assertKey(snapshot)[1]);
      else xmls.set(assertKey(snapshot)[1], domainXml);
      records.set(snapshot.id, { volume: snapshot.volume, content });
    },
    update: async (snapshot) => {
      const content = serialiseSnapshotRecord(snapshot);
      if (records.get(snapshot.id)?.volume !== snapshot.volume) {
        throw failure('SNAPSHOT_NOT_FOUND', `There is no snapshot ${snapshot.id}`);
      }
      records.set(snapshot.id, { volume: snapshot.volume, content });
    },
    remove: async (snapshot) => {
      const file = filePath(snapshot);
      if (records.get(snapshot.id)?.volume === snapshot.volume) records.delete(snapshot.id);
      xmls.delete(assertKey(snapshot)[1]);
      rmSync(file, { force: true });
    },
    ...createClaims((volume) => void mkdirSync(folderOf(volume), { recursive: true })),
    putRecord: ({ id, volume }, content) => void records.set(id, { volume, content }),
    dispose: () => rmSync(root, { recursive: true, force: true }),
  };
}

type Claims = Pick<FakeSnapshotStore, 'claims' | 'claim' | 'readClaim' | 'releaseClaim' | 'stealClaim'>;

function createClaims(makeFolder: (volume: string) => void): Claims {
  const claims = new Map<string, VolumeClaim>();
  return {
    claims,
    claim: async (claim) => {
      const holder = claims.get(assertVolume(claim.volume));
      if (holder !== undefined) return isSameHolder(holder, claim) ? null : { ...holder };
      makeFolder(claim.volume);
      claims.set(claim.volume, { ...claim });
      return null;
    },
    readClaim: async (volume) => claims.get(assertVolume(volume)) ?? null,
    releaseClaim: async (volume, operationId) => {
      if (claims.get(assertVolume(volume))?.operationId === operationId) claims.delete(volume);
    },
    stealClaim: async (claim, from) => {
      const holder = claims.get(assertVolume(claim.volume));
      if (holder === undefined) return false;
      if (isSameHolder(holder, claim)) return true;
      if (!isSameHolder(holder, from)) return false;
      claims.set(claim.volume, { ...claim });
      return true;
    },
  };
}

function openDraft(target: string, { id, tag }: { readonly id: string; readonly tag: string }): SnapshotFileDraft {
  const file = path.join(path.dirname(target), `.${id}.${tag}.partial`);
  return {
    path: file,
    seal: async () => {
      const { size, blocks } = statSync(requireFile(file, 'STORE_WRITE_FAILED'));
      return { sizeBytes: size, storedBytes: blocks * 512 };
    },
    moveIn: async () => {
      if (existsSync(file)) renameSync(file, target);
      else requireFile(target, 'STORE_WRITE_FAILED');
    },
    discard: async () => rmSync(file, { force: true }),
  };
}

function listRecords(keys: readonly Key[], read: (id: string) => SnapshotRecord) {
  const snapshots: SnapshotRecord[] = [];
  const broken: BrokenSnapshot[] = [];
  for (const key of keys) {
    try {
      snapshots.push(read(key.id));
    } catch (error) {
      broken.push({ ...key, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  const orderOf = ({ createdAt, id }: SnapshotRecord): string => `${createdAt} ${id}`;
  return { snapshots: snapshots.sort((left, right) => (orderOf(left) < orderOf(right) ? -1 : 1)), broken };
}

/** Many tests of use cases make a store and go. One that is made outside of a test must be disposed of. */
function removeAfterTest(root: string): void {
  try {
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  } catch {
    // Not within a test.
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function assertKey({ id, volume }: Key): readonly [volume: string, file: string] {
  if (!UUID.test(id) || !UUID.test(volume)) throw failure('SNAPSHOT_NOT_FOUND', `There is no snapshot ${id}`);
  return [volume, `${id}.qcow2`];
}

function assertVolume(volume: string): string {
  if (!UUID.test(volume)) throw failure('INVALID_REQUEST', `"${volume}" is not a volume id`);
  return volume;
}

function assertTag(tag: string): string {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(tag)) throw failure('INTERNAL', `"${tag}" is not a tag`);
  return tag;
}

function requireFile(file: string, code: ErrorCode): string {
  if (existsSync(file) && statSync(file).isFile()) return file;
  throw new DarkroomError(code, `${file} is missing`, { fields: { isMissing: true } });
}

function isSameHolder(left: VolumeClaim, right: VolumeClaim): boolean {
  return left.host === right.host && left.operationId === right.operationId;
}

function failure(code: ErrorCode, message: string): DarkroomError {
  return new DarkroomError(code, message);
}
