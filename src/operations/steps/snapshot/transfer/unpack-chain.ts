import { createHash } from 'node:crypto';
import { readBytes } from '../../../../model/disk-formats/bytes.ts';
import { judgeQcow2Layer } from '../../../../model/disk-formats/qcow2-header.ts';
import { HEAD_BYTES } from '../../../../model/disk-formats/recognise-format.ts';
import { sanitiseDomain } from '../../../../model/domain-xml/sanitise-domain.ts';
import type { ArchiveEntry, ArchiveReader } from '../../../../model/ports/archive.ts';
import { backingNameOf } from '../../../../model/snapshot/judge-layer.ts';
import { fromPortable } from '../../../../model/snapshot/portable.ts';
import { type ArchivedSnapshot, MAX_ARCHIVE_XML_BYTES } from '../../../snapshot-archive.ts';
import type { OperationContext } from '../../../support/context.ts';
import type { ByteProgress } from '../../byte-progress.ts';
import type { PromisedChain } from './read-manifest.ts';
import type { Arrival } from './receive.ts';
import { refused } from './refused.ts';

export interface Unpacking {
  readonly archive: ArchiveReader;
  readonly source: string;
  readonly chain: PromisedChain;
  /** Those that are taken; the others are passed over. */
  readonly wantedIds: ReadonlySet<string>;
  readonly owner: string | null;
  readonly progress: ByteProgress;
}

/**
 * The files of an archive after its first, each where it was promised and with what was promised, under temporary names in the store.
 * SNAPSHOT_REJECTED. QEMU has opened none of them yet.
 */
export async function unpackChain(
  context: OperationContext,
  work: Unpacking,
  signal: AbortSignal,
): Promise<readonly Arrival[]> {
  const arrivals: Arrival[] = [];
  for (const snapshot of work.chain.snapshots) {
    const isWanted = work.wantedIds.has(snapshot.id);
    const file = await takeNext(work, { name: `${snapshot.id}.qcow2`, sizeBytes: snapshot.sizeBytes });
    const arrival = isWanted ? await takeDisk(context, { ...work, snapshot, file }, signal) : null;
    const domainXml = await takeXml(context, { ...work, snapshot, isWanted });
    if (arrival !== null) arrivals.push({ ...arrival, domainXml });
  }
  const beyond = await work.archive.next();
  if (beyond !== null) throw refused(work.source, `it holds ${JSON.stringify(beyond.name)}, which it does not promise`);
  return arrivals;
}

async function takeNext(
  { archive, source }: Unpacking,
  promised: { readonly name: string; readonly sizeBytes: number },
): Promise<ArchiveEntry> {
  const entry = await archive.next();
  if (entry === null || entry.name !== promised.name || entry.kind !== 'file') {
    throw refused(source, `${promised.name} is not where it should be in it`);
  }
  if (entry.sizeBytes === promised.sizeBytes) return entry;
  throw refused(source, `${promised.name} has ${entry.sizeBytes} bytes in it instead of ${promised.sizeBytes}`);
}

interface DiskWork extends Unpacking {
  readonly snapshot: ArchivedSnapshot;
  readonly file: ArchiveEntry;
}

async function takeDisk(
  context: OperationContext,
  { source, snapshot, file, owner, progress }: DiskWork,
  signal: AbortSignal,
): Promise<Omit<Arrival, 'domainXml'>> {
  const draft = context.snapshots.draft(snapshot, context.operation.id);
  const sha256 = await file.writeTo(draft.path, {
    signal,
    onBytes: (bytes) => progress.at(bytes),
    bandwidthBytesPerSecond: context.settings.copyBandwidthBytesPerSecond,
  });
  progress.endStage(snapshot.sizeBytes);
  if (sha256 !== snapshot.sha256) throw changed(source, `${snapshot.id}.qcow2`);
  const head = await readHead(context, draft.path);
  const complaint = judgeQcow2Layer(readBytes(head), {
    backingName: backingNameOf(snapshot),
    isEncrypted: snapshot.isEncrypted,
    virtualSizeBytes: snapshot.logicalBytes,
  });
  if (complaint !== null) throw refused(source, `of ${snapshot.id}.qcow2, ${complaint}`);
  const { storedBytes } = await draft.seal();
  const { domainXml: _, ...portable } = snapshot;
  return { record: fromPortable(portable, { owner, storedBytes }), draft };
}

async function readHead(context: OperationContext, path: string): Promise<Uint8Array> {
  await using held = await context.files.hold(path);
  if (held === null) throw new Error(`${path} vanished while it was taken in`);
  return await held.read({ offsetBytes: 0, lengthBytes: HEAD_BYTES });
}

/** Without all that would reach into this host: whoever wrote it must not decide what runs or is read here. */
async function takeXml(
  context: OperationContext,
  work: Unpacking & { readonly snapshot: ArchivedSnapshot; readonly isWanted: boolean },
): Promise<string | null> {
  const { snapshot, source } = work;
  if (snapshot.domainXml === null) return null;
  const name = `${snapshot.id}.xml`;
  const file = await takeNext(work, { name, sizeBytes: snapshot.domainXml.sizeBytes });
  if (!work.isWanted) return null;
  const bytes = await file.readBytes({ maxBytes: MAX_ARCHIVE_XML_BYTES });
  if (createHash('sha256').update(bytes).digest('hex') !== snapshot.domainXml.sha256) throw changed(source, name);
  const { xml, dropped } = sanitise(new TextDecoder().decode(bytes), `${source}: ${name}`);
  if (dropped.length > 0) {
    context.operation.warn(`Left out of the machine, since it belongs to another host: ${dropped.join(', ')}.`);
  }
  return xml;
}

function sanitise(text: string, place: string): ReturnType<typeof sanitiseDomain> {
  try {
    return sanitiseDomain(text);
  } catch (error) {
    throw refused(place, error instanceof Error ? error.message : String(error), error);
  }
}

function changed(source: string, name: string): Error {
  return refused(source, `${name} in it has not the SHA-256 that it promises. Copy the file again`);
}
