import { existsSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkpointName } from '../../../src/model/snapshot/checkpoint-name.ts';
import type { SnapshotRecord } from '../../../src/model/snapshot/snapshot.ts';
import { recoverRestoreSnapshot, restoreSnapshot } from '../../../src/operations/restore-snapshot.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { createFakeProcesses } from '../../support/fake-host.ts';
import type { FakeDomain } from '../../support/fake-hypervisor.ts';
import { createFakeJournal, createFakeLocks } from '../../support/fake-journal.ts';
import { runToEnd } from '../../support/image-core.ts';
import { createGate, type Gate, isChange, type Mishap, type PortCall } from '../../support/mishaps.ts';
import { checkpoint } from './restore-fixture.ts';
import {
  contentOf,
  createSnapshotFixture,
  KIB,
  MIB,
  putMachine,
  putSnapshot,
  readDisk,
  type SnapshotFixture,
  writeDisk,
} from './snapshot-fixture.ts';

const KEPT = { pattern: 0x11, offset: 0, length: 256 * KIB };
const BASE = { pattern: 0x44, offset: 2 * MIB, length: 512 * KIB };
const LATER = { pattern: 0x33, offset: MIB, length: MIB };
const OLD = checkpointName('99999999-0000-4000-8000-000000000000');
const OLDER = checkpointName('88888888-0000-4000-8000-000000000000');
const OLD_CONTENT = contentOf(BASE, LATER);
const NEW_CONTENT = contentOf(KEPT);

interface World {
  readonly fixture: SnapshotFixture;
  readonly domain: FakeDomain;
  readonly record: SnapshotRecord;
  readonly disk: string;
  readonly oldInode: number;
  /** The only one that lives from now on. */
  process(pid: number, gate?: Gate): Core;
}

/** A machine with a thin disk whose chain its definition states, two of our checkpoints, one of them over two disks. */
async function makeWorld(): Promise<World> {
  const fixture = createSnapshotFixture();
  const record = await putSnapshot(fixture, 'a', { writes: [KEPT], record: { checkpoint: OLDER } });
  const image = writeDisk(fixture.disk('image.qcow2'), 'qcow2', [BASE]);
  const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER], image);
  const other = writeDisk(fixture.disk('data.qcow2'), 'qcow2', []);
  const extra = `<backingStore type='file'><format type='qcow2'/><source file='${image}'/><backingStore/></backingStore>`;
  const domain = putMachine(
    fixture,
    [
      { target: 'vda', path: disk, extra },
      { target: 'vdb', path: other },
    ],
    { checkpoints: [checkpoint(OLDER, ['vda']), checkpoint(OLD, ['vda', 'vdb'], { parent: OLDER })] },
  );
  const journal = createFakeJournal();
  const living = new Set<number>();
  const locks = createFakeLocks(({ pid }) => living.has(pid));
  const process = (pid: number, gate: Gate = createGate(null)): Core => {
    living.clear();
    living.add(pid);
    return fixture.core({
      hypervisor: gate.guard('hypervisor', fixture.hypervisor),
      diskTool: gate.guard('diskTool', fixture.diskTool),
      files: gate.guard('files', fixture.files),
      snapshots: gate.guard('snapshots', fixture.snapshots),
      journal: gate.guard('journal', journal),
      locks,
      processes: createFakeProcesses(pid),
    });
  };
  return { fixture, domain, record, disk, oldInode: statSync(disk).ino, process };
}

/** All that a person could see of it. */
async function lookAt({ fixture, domain, record, disk, process }: World) {
  const { headAt, checkpoint: begun } = await fixture.snapshots.read(record.id);
  const core = process(3000);
  const rename = (name: string | null): string | null => (name === null || [OLD, OLDER].includes(name) ? name : 'new');
  return {
    content: nameContent(readDisk(disk, 'qcow2')),
    files: fixture.listDisks(),
    statesChain: domain.inactiveXml?.includes('image.qcow2') ?? false,
    checkpoints: domain.checkpoints
      .map(({ name, targets, parent }) => `${rename(name)} ${targets} ${rename(parent)}`)
      .sort(),
    record: { headAt, checkpoint: rename(begun) },
    claim: await fixture.snapshots.readClaim(record.volume),
    locks: await core.locks.list(),
    unsettled: (await core.journal.list({})).filter(({ plan }) => plan !== null).length,
  };
}

async function countUnsettled({ process }: World): Promise<number> {
  return (await process(3000).journal.list({})).filter(({ plan }) => plan !== null).length;
}

function nameContent(content: Buffer): string {
  if (content.equals(OLD_CONTENT)) return 'old';
  return content.equals(NEW_CONTENT) ? 'new' : 'broken';
}

/** The disk is there, and its definition states a chain only for the file that has it. */
function isConsistent({ disk, domain, oldInode }: World): boolean {
  if (!existsSync(disk)) return false;
  return statSync(disk).ino === oldInode || domain.inactiveXml?.includes('image.qcow2') === false;
}

/** One call goes wrong; what a death or a failure leaves unsettled, another process recovers. */
async function play(trip: { readonly at: number; readonly mishap: Mishap } | null) {
  const world = await makeWorld();
  try {
    let badMoments = 0;
    const gate = createGate(trip, () => {
      if (!isConsistent(world)) badMoments += 1;
    });
    const request = { kind: 'snapshot.restore', snapshot: world.record.id } as const;
    const ended = await runToEnd(world.process(1000, gate), restoreSnapshot, request).catch(() => null);
    if (!isConsistent(world)) badMoments += 1;
    const isLeft = trip?.mishap === 'death' || (await countUnsettled(world)) > 0;
    if (isLeft) await recoverOperations(world.process(2000), { 'snapshot.restore': recoverRestoreSnapshot });
    return { status: ended?.status ?? 'refused', seen: await lookAt(world), badMoments, calls: gate.calls };
  } finally {
    world.fixture.dispose();
  }
}

const untouched = await makeWorld();
const before = await lookAt(untouched);
untouched.fixture.dispose();
const { seen: after, calls, ...rehearsal } = await play(null);
const points = calls.map((call, at) => ({ ...call, at, what: `${call.port}.${call.method} (call ${at})` }));
const changes = points.filter(isChange);
const isSwap = ({ port, method }: PortCall): boolean => port === 'files' && method === 'rename';
const turn = calls.findIndex(isSwap);

describe('a restore, whatever goes wrong', () => {
  it('changes what it should when nothing does', () => {
    expect(rehearsal).toEqual({ status: 'succeeded', badMoments: 0 });
    expect(before).toMatchObject({ content: 'old', statesChain: true, record: { checkpoint: OLDER } });
    expect(after).toMatchObject({
      content: 'new',
      files: ['data.qcow2', 'image.qcow2', 'web.qcow2'],
      statesChain: false,
      checkpoints: [`${OLD} vdb null`, `new vda ${OLD}`],
      record: { checkpoint: 'new' },
      claim: null,
      locks: [],
      unsettled: 0,
    });
    expect(turn).toBeGreaterThan(0);
  });

  it.each(points)('leaves the volume as it was, whole, when $what fails', async ({ at }) => {
    const { status, seen, badMoments } = await play({ at, mishap: 'fails' });
    expect(seen).toEqual(status === 'succeeded' ? after : before);
    expect(badMoments).toBe(0);
  });

  it.each(changes)('leaves the volume as it was, whole, when the answer to $what is lost', async ({ at }) => {
    const { status, seen, badMoments } = await play({ at, mishap: 'answer lost' });
    expect(seen).toEqual(status === 'succeeded' ? after : before);
    expect(badMoments).toBe(0);
  });

  it.each(changes)('is undone or finished when its process dies after $what', async ({ at }) => {
    const { seen, badMoments } = await play({ at, mishap: 'death' });
    expect(seen).toEqual(at >= turn ? after : before);
    expect(badMoments).toBe(0);
  });
});
