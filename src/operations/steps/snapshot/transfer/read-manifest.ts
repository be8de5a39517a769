import { judgeVirtualSize } from '../../../../model/disk-formats/judge-header.ts';
import type { ArchiveReader } from '../../../../model/ports/archive.ts';
import {
  ARCHIVE_MANIFEST,
  type ArchivedSnapshot,
  archiveManifestSchema,
  MAX_ARCHIVE_MANIFEST_BYTES,
} from '../../../snapshot-archive.ts';
import type { Core } from '../../../support/context.ts';
import { volumeId } from '../../volume-id.ts';
import { refused } from './refused.ts';

/** What is promised to be in an archive: a chain that makes sense, from the bottom up. Nothing of it is believed yet. */
export interface PromisedChain {
  readonly volume: string;
  readonly instance: string;
  readonly snapshots: readonly ArchivedSnapshot[];
  /** The one that was exported. */
  readonly top: ArchivedSnapshot;
}

/** The first file of an archive. SNAPSHOT_REJECTED when it is not there, or is not one that an export writes. */
export async function readPromise(core: Core, archive: ArchiveReader, source: string): Promise<PromisedChain> {
  const first = await archive.next();
  if (first?.name !== ARCHIVE_MANIFEST || first.kind !== 'file') {
    throw refused(source, `it does not begin with ${ARCHIVE_MANIFEST}, as what an export writes does`);
  }
  const bytes = await first.readBytes({ maxBytes: MAX_ARCHIVE_MANIFEST_BYTES });
  const parsed = archiveManifestSchema.safeParse(parseJson(bytes, source));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.map(String).join('.') || 'the document';
    throw refused(source, `its ${ARCHIVE_MANIFEST} is wrong: ${where}: ${issue?.message ?? 'unknown'}`);
  }
  return requireChain(core, parsed.data.snapshots, source);
}

function parseJson(bytes: Uint8Array, source: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw refused(source, `its ${ARCHIVE_MANIFEST} is not JSON`, cause);
  }
}

function requireChain(core: Core, snapshots: readonly ArchivedSnapshot[], source: string): PromisedChain {
  const top = snapshots.at(-1);
  if (top === undefined || top.isDeleted) throw refused(source, 'the snapshot that it is for is none to be seen');
  const now = core.clock.now().toISOString();
  for (const [index, snapshot] of snapshots.entries()) {
    const complaint =
      judgePlace(snapshot, { top, below: snapshots[index - 1]?.id ?? null }) ?? judgeFacts(snapshot, now);
    if (complaint !== null) throw refused(source, `of the snapshot ${snapshot.id}, ${complaint}`);
  }
  if (new Set(snapshots.map(({ id }) => id)).size < snapshots.length) {
    throw refused(source, 'it names a snapshot twice');
  }
  return { volume: top.volume, instance: top.instance, snapshots, top };
}

function judgePlace(
  snapshot: ArchivedSnapshot,
  { top, below }: { readonly top: ArchivedSnapshot; readonly below: string | null },
): string | null {
  if (snapshot.parent !== below) return `its parent is ${snapshot.parent} instead of ${below}`;
  if (snapshot.volume !== top.volume) return 'its volume is another than that of the others';
  if (snapshot.isEncrypted !== top.isEncrypted) return 'it is encrypted, and others are not';
  return null;
}

/** The id of a volume follows from where it belongs: nobody can pass off one as another's. */
function judgeFacts(snapshot: ArchivedSnapshot, now: string): string | null {
  if (snapshot.volume !== volumeId(snapshot.instance, snapshot.target)) {
    return 'its volume is not that of its instance and target';
  }
  // a later instant would make it the parent of whatever is taken next
  if (snapshot.createdAt > now || snapshot.headAt > now) return 'its time lies ahead: look at the clocks';
  return judgeVirtualSize(snapshot.logicalBytes);
}
