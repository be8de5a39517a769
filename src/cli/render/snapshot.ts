import type { Operation } from '../../model/operation.ts';
import type { SnapshotLink } from '../../model/snapshot/chain-link.ts';
import { type Snapshot, type SnapshotDeletion, shortId } from '../../model/snapshot/snapshot.ts';
import type { Output } from '../output.ts';
import { renderDetails } from './details.ts';
import { describeConsistency, describeTotal } from './image.ts';
import { drawChain } from './snapshot-chain.ts';
import { renderTable } from './table.ts';
import { formatBytes, formatTime, printable } from './text.ts';

export async function renderSnapshots(output: Output, snapshots: readonly Snapshot[]): Promise<string> {
  if (snapshots.length === 0) return 'no snapshots';
  const headings = ['ID', 'VOLUME', 'STATUS', 'METHOD', 'LOGICAL', 'STORED', 'EXCLUSIVE', 'CONSISTENCY', 'CREATED'];
  const rows = snapshots.map((snapshot) => [
    snapshot.id,
    describeVolume(snapshot),
    paintStatus(output, snapshot),
    snapshot.method,
    formatBytes(snapshot.logicalBytes),
    formatBytes(snapshot.storedBytes),
    snapshot.exclusiveBytes === null ? '-' : formatSigned(snapshot.exclusiveBytes),
    snapshot.consistency.achieved,
    formatTime(snapshot.createdAt),
  ]);
  return await renderTable(headings, rows);
}

export function renderSnapshotWithChain(output: Output, snapshot: Snapshot, chain: readonly SnapshotLink[]): string {
  const { exclusiveBytes } = snapshot;
  return renderDetails(output, [
    ['id', snapshot.id],
    ['volume', `${describeVolume(snapshot)} (${snapshot.volume})`],
    ['instance', snapshot.instance],
    ['status', paintStatus(output, snapshot)],
    ['created', formatTime(snapshot.createdAt)],
    ['description', snapshot.description === null ? '-' : printable(snapshot.description)],
    ['method', describeMethod(snapshot)],
    ['consistency', describeConsistency(snapshot.consistency)],
    ['logical size', formatBytes(snapshot.logicalBytes)],
    ['stored', formatBytes(snapshot.storedBytes)],
    [
      'exclusive',
      exclusiveBytes === null ? 'not known' : `${formatSigned(exclusiveBytes)} that deleting it would free`,
    ],
    ['compressed', snapshot.isCompressed ? 'yes' : 'no'],
    ['encrypted', snapshot.isEncrypted ? 'yes' : 'no'],
    ['volume format', snapshot.volumeFormat],
    ['owner', snapshot.owner === null ? '- (this host)' : printable(snapshot.owner)],
    ['shared with', snapshot.shares.map(describeShare)],
    ['used by', snapshot.users.map(({ host, path }) => `${printable(path)} on ${printable(host)}`)],
    ['checksum', `sha256 ${snapshot.sha256}`],
    ['chain', drawChain(output, chain, snapshot.id)],
  ]);
}

/** One line about a finished piece of work on a snapshot. */
export function summarizeSnapshot(snapshot: Snapshot, operation: Operation): string {
  const size = `${formatBytes(snapshot.storedBytes)} of ${formatBytes(snapshot.logicalBytes)}`;
  const consistency = `consistency ${describeConsistency(snapshot.consistency)}`;
  const facts = [size, describeMethod(snapshot), consistency, describeTotal(operation)];
  return `snapshot ${snapshot.id} (${describeVolume(snapshot)}): ${facts.join(', ')}`;
}

/** `web-1/vda`. */
export function describeVolume({ instanceName, target }: Pick<Snapshot, 'instanceName' | 'target'>): string {
  return `${printable(instanceName)}/${printable(target)}`;
}

export function describeDeletion({ id, freedBytes, isEstimate, rewritten, isKeptHidden }: SnapshotDeletion): string {
  const lines = [`snapshot ${id}: deleting it would free ${isEstimate ? 'about ' : ''}${formatSigned(freedBytes)}`];
  if (rewritten.length > 0) lines.push(`What others need of it moves into ${rewritten.map(shortId).join(', ')}.`);
  if (isKeptHidden) lines.push('Others still need all of it: it would be hidden, and go with the last of them.');
  return lines.join('\n');
}

/** A merge may need more than it frees. */
export function formatSigned(bytes: number): string {
  return bytes < 0 ? `-${formatBytes(-bytes)}` : formatBytes(bytes);
}

/** `bitmap`, `compare (the bitmap was lost)`. */
function describeMethod({ method, reason }: Snapshot): string {
  return reason === null ? method : `${method} (${printable(reason)})`;
}

function describeShare({ principal, expiresAt }: Snapshot['shares'][number]): string {
  return `${printable(principal)}${expiresAt === null ? '' : ` until ${formatTime(expiresAt)}`}`;
}

function paintStatus(output: Output, { status }: Snapshot): string {
  return output.paint(status === 'active' ? 'green' : 'red', status);
}
