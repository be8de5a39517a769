import { createHash } from 'node:crypto';
import { DarkroomError } from '../../../../model/errors.ts';
import type { ArchiveSource } from '../../../../model/ports/archive.ts';
import { mayChangeSnapshot, maySeeSnapshot } from '../../../../model/snapshot/access.ts';
import { toPortable } from '../../../../model/snapshot/portable.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import { ARCHIVE_MANIFEST, type ArchivedSnapshot, type ArchiveManifest } from '../../../snapshot-archive.ts';
import type { Core, OperationContext } from '../../../support/context.ts';
import { createCopyTurns } from '../../../support/copy-turns.ts';
import { ByteProgress } from '../../byte-progress.ts';
import { fetchSnapshot } from '../../store/fetch-files.ts';
import { storedOtherwise } from './stored-otherwise.ts';

export interface ChainExport {
  /** From the snapshot itself to the one that stands alone. */
  readonly ancestry: readonly SnapshotRecord[];
  /** Must not exist. */
  readonly target: string;
  readonly bytes: number;
}

interface Packed {
  readonly snapshot: SnapshotRecord;
  readonly entry: ArchivedSnapshot;
  readonly xml: Uint8Array | null;
}

/** SNAPSHOT_DAMAGED when the store does not hold what its records say, COPY_FAILED when what was written does not read back. */
export async function writeChain(context: OperationContext, work: ChainExport, signal: AbortSignal): Promise<void> {
  const packed: Packed[] = [];
  for (const snapshot of [...work.ancestry].reverse()) packed.push(await pack(context, snapshot));
  const [top] = work.ancestry;
  if (top !== undefined) await fetchSnapshot(context, top, { signal, step: 'write', chain: work.ancestry });
  const sources = await listSources(context, packed, signal);
  // each byte is written and read once
  const progress = new ByteProgress(context.operation, 2 * work.bytes);
  const onBytes = (bytes: number): void => progress.at(bytes);
  const { copyBandwidthBytesPerSecond: bandwidthBytesPerSecond } = context.settings;
  const turns = createCopyTurns(context, { step: 'write', signal });
  const written = await turns.take(() =>
    context.archives.write(work.target, sources, { signal, onBytes, bandwidthBytesPerSecond }),
  );
  progress.endStage(work.bytes);
  const sums = new Map(written.files.map(({ name, sha256 }) => [name, sha256]));
  for (const { snapshot } of packed) {
    const seen = sums.get(`${snapshot.id}.qcow2`) ?? 'none';
    if (seen !== snapshot.sha256) throw storedOtherwise(snapshot, seen);
  }
  const sha256 = await context.files.hash(work.target, { signal, onBytes });
  if (sha256 !== written.sha256) throw notReadBack(work.target);
  if (packed.some(({ xml }) => xml !== null)) {
    context.operation.warn(
      'The definitions of the instance may hold secrets, such as a VNC password: keep the file to yourself.',
    );
  }
}

/** Whoever it is only shared with learns nothing of the machine, nor of what else there is of it. */
async function pack(core: Core, snapshot: SnapshotRecord): Promise<Packed> {
  const isOwn = mayChangeSnapshot(core.caller, snapshot);
  const isSeen = maySeeSnapshot(core.caller, snapshot, core.clock.now());
  const text = isOwn ? await core.snapshots.readDomainXml(snapshot) : null;
  const xml = text === null ? null : Buffer.from(text);
  const domainXml =
    xml === null ? null : { sizeBytes: xml.byteLength, sha256: createHash('sha256').update(xml).digest('hex') };
  const entry = {
    ...toPortable(snapshot),
    description: isSeen ? snapshot.description : null,
    isDeleted: snapshot.isDeleted || !isSeen,
    domainXml,
  };
  return { snapshot, entry, xml };
}

async function listSources(
  core: Core,
  packed: readonly Packed[],
  signal: AbortSignal,
): Promise<readonly ArchiveSource[]> {
  const manifest: ArchiveManifest = { darkroomSnapshots: 1, snapshots: packed.map(({ entry }) => entry) };
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  const sources: ArchiveSource[] = [{ name: ARCHIVE_MANIFEST, content: Buffer.from(text) }];
  for (const { snapshot, xml } of packed) {
    const { id, sizeBytes } = snapshot;
    sources.push({ name: `${id}.qcow2`, path: await core.snapshots.resolveFile(snapshot, { signal }), sizeBytes });
    if (xml !== null) sources.push({ name: `${id}.xml`, content: xml });
  }
  return sources;
}

function notReadBack(target: string): DarkroomError {
  return new DarkroomError(
    'COPY_FAILED',
    `What was written to ${target} does not read back as it was written. Look at the storage below it.`,
    { fields: { path: target } },
  );
}
