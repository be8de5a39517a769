import { buildCheckpointXml } from '../../../src/model/domain-xml/checkpoint-xml.ts';
import type { Operation } from '../../../src/model/operation.ts';
import { checkpointName } from '../../../src/model/snapshot/checkpoint-name.ts';
import type { RestoreSnapshotRequest } from '../../../src/model/snapshot/requests.ts';
import { restoreSnapshot } from '../../../src/operations/restore-snapshot.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { runToEnd } from '../../support/image-core.ts';
import { KIB, MIB, putSnapshot, type SnapshotFixture, type Write } from './snapshot-fixture.ts';

export const FIRST: Write = { pattern: 0x11, offset: 0, length: 256 * KIB };
export const SECOND: Write = { pattern: 0x22, offset: 128 * KIB, length: 512 * KIB };
export const LATER: Write = { pattern: 0x33, offset: MIB, length: MIB };
export const OLD_CHECKPOINT = checkpointName('99999999-0000-4000-8000-000000000000');
export const OTHER_CHECKPOINT = checkpointName('88888888-0000-4000-8000-000000000000');

/** A snapshot of the first write, and one of the second that stands on it. */
export async function putChain(fixture: SnapshotFixture, target = 'vda') {
  const base = await putSnapshot(fixture, 'a', { target, writes: [FIRST] });
  const top = await putSnapshot(fixture, 'b', {
    target,
    writes: [SECOND],
    record: { parent: base.id, headAt: '2026-11-02T00:00:00.000Z', checkpoint: OLD_CHECKPOINT },
  });
  return { base, top };
}

export function restore(core: Core, snapshot: string): Promise<Operation> {
  const request: RestoreSnapshotRequest = { kind: 'snapshot.restore', snapshot };
  return runToEnd(core, restoreSnapshot, request);
}

export function checkpoint(
  name: string,
  targets: readonly string[],
  { parent = null }: { readonly parent?: string | null } = {},
) {
  const xml = buildCheckpointXml({ name, parent, targets, allTargets: ['vda', 'vdb'], creationTime: 1000 });
  return { name, parent, targets, creationTime: 1000, xml };
}
