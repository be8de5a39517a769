import { randomUUID } from 'node:crypto';
import type { SnapshotRecord } from '../../src/model/snapshot/snapshot.ts';
import { sampleSnapshot } from '../support/sample-snapshots.ts';

/** With one of everything. */
export function richSnapshot(): SnapshotRecord {
  const [parent, child] = [randomUUID(), randomUUID()];
  return sampleSnapshot('a', {
    description: 'before the “update”',
    owner: 'mia',
    shares: [
      { principal: 'jo', expiresAt: null },
      { principal: 'al', expiresAt: '2027-01-01T00:00:00Z' },
    ],
    status: 'error',
    parent,
    method: 'compare',
    reason: 'the bitmap was lost',
    consistency: { requested: 'auto', achieved: 'crash', freezeMs: 0, pauseMs: 1.5, reason: 'no guest agent' },
    isCompressed: true,
    isEncrypted: true,
    volumeFormat: 'raw',
    checkpoint: `darkroom-${randomUUID()}`,
    exclusive: { children: [child], bytes: -4096 },
    users: [{ host: 'host-1', path: '/var/lib/libvirt/images/thin one.qcow2', since: '2026-11-02T00:00:00.000Z' }],
    pending: { parent: null, sizeBytes: 1, storedBytes: 2, sha256: 'f'.repeat(64) },
  });
}

export function hostileDocuments(): [string, (snapshot: SnapshotRecord) => string][] {
  const versioned = (snapshot: object) => JSON.stringify({ version: 1, ...snapshot });
  return [
    ['empty', () => ''],
    ['not JSON', () => '{"version": 1,'],
    ['not an object', () => '[]'],
    ['too long', (snapshot) => versioned({ ...snapshot, description: 'x'.repeat(2 * 1024 * 1024), more: 1 })],
    ['without a version', (snapshot) => JSON.stringify(snapshot)],
    ['of a later version', (snapshot) => versioned({ ...snapshot, version: 2 })],
    ['of another snapshot', () => versioned(sampleSnapshot('c'))],
    ['of another volume', (snapshot) => versioned({ ...snapshot, volume: randomUUID() })],
    ['with more than we know', (snapshot) => versioned({ ...snapshot, surprise: true })],
    ['without its parent', ({ parent: _, ...snapshot }) => versioned(snapshot)],
    ['in an unknown state', (snapshot) => versioned({ ...snapshot, status: 'gone' })],
    ['made in an unknown way', (snapshot) => versioned({ ...snapshot, method: 'magic' })],
    ['with a flag that is a word', (snapshot) => versioned({ ...snapshot, isDeleted: 'no' })],
    ...hostileChanges().map(([title, change]): [string, (snapshot: SnapshotRecord) => string] => [
      title,
      (snapshot) => versioned(change(snapshot)),
    ]),
  ];
}

export function hostileChanges(): [string, (snapshot: SnapshotRecord) => SnapshotRecord][] {
  const having = (facts: Partial<SnapshotRecord>) => (snapshot: SnapshotRecord) => ({ ...snapshot, ...facts });
  const user = { host: 'h', path: '/v.qcow2', since: '2026-11-02T00:00:00.000Z' };
  const pending = { parent: null, sizeBytes: 1, storedBytes: 1, sha256: '0'.repeat(64) };
  return [
    ['a parent that is a path', having({ parent: '../../x' })],
    ['a parent in another spelling', having({ parent: 'AAAAAAAA-0000-4000-8000-000000000000' })],
    ['a snapshot on itself', (snapshot) => ({ ...snapshot, parent: snapshot.id })],
    [
      'a snapshot that will be on itself',
      (snapshot) => ({ ...snapshot, pending: { ...pending, parent: snapshot.id } }),
    ],
    ['a pending parent that is a path', having({ pending: { ...pending, parent: '/etc/passwd' } })],
    ['a child that is a path', having({ exclusive: { children: ['..'], bytes: 0 } })],
    ['a target that is a path', having({ target: '../vda' })],
    ['a size below zero', having({ logicalBytes: -1 })],
    ['a size that is no whole number', having({ storedBytes: 0.5 })],
    ['a checksum that is none', having({ sha256: 'x' })],
    ['a time that is none', having({ createdAt: 'yesterday' })],
    ['a time in another zone', having({ headAt: '2026-11-01T00:00:00.000+01:00' })],
    ['a time that sorts otherwise', having({ headAt: '2026-11-01T00:00:00Z' })],
    ['a checkpoint of somebody else', having({ checkpoint: 'theirs' })],
    ['a thin volume at a relative path', having({ users: [{ ...user, path: 'v.qcow2' }] })],
    ['a thin volume by a detour', having({ users: [{ ...user, path: '/a/../b' }] })],
    ['a share with nobody', having({ shares: [{ principal: '', expiresAt: null }] })],
    ['a share until who knows when', having({ shares: [{ principal: 'jo', expiresAt: 'soon' }] })],
  ];
}
