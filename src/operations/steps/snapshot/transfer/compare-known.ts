import { maySeeInstance } from '../../../../model/access.ts';
import { describeDomain } from '../../../../model/domain-xml/describe-domain.ts';
import { DarkroomError, hasCode } from '../../../../model/errors.ts';
import { maySeeSnapshot } from '../../../../model/snapshot/access.ts';
import type { PortableSnapshot } from '../../../../model/snapshot/portable.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { Core } from '../../../support/context.ts';

export interface Coming {
  readonly volume: string;
  readonly instance: string;
  readonly snapshots: readonly PortableSnapshot[];
  readonly refuse: (reason: string) => DarkroomError;
}

/**
 * What comes to stand on what is there must be meant to: the same snapshots, whole, and the caller's to read, or a chain of one's own
 * making would read what is others'. Ids of what is there already.
 */
export function requireSameAsKnown(
  core: Core,
  { snapshots, refuse }: Coming,
  known: readonly SnapshotRecord[],
): ReadonlySet<string> {
  const byId = new Map(known.map((record) => [record.id, record]));
  const now = core.clock.now();
  const both = snapshots.flatMap((coming) => {
    const record = byId.get(coming.id);
    return record === undefined ? [] : [{ coming, record }];
  });
  for (const { coming, record } of both) {
    const complaint = judgeKnown(coming, record);
    if (complaint !== null) throw refuse(`the snapshot ${record.id} is in the store already, and ${complaint}`);
    if (!maySeeSnapshot(core.caller, record, now)) throw refuse(`the snapshot ${record.id} in the store is not yours`);
    if (record.status === 'error') throw damaged(record.id);
  }
  requireVisible(snapshots.at(-1), byId);
  return new Set(both.map(({ record }) => record.id));
}

function judgeKnown(coming: PortableSnapshot, record: SnapshotRecord): string | null {
  for (const field of ['volume', 'createdAt', 'logicalBytes', 'isEncrypted'] as const) {
    if (coming[field] !== record[field]) return `its ${field} is ${record[field]} instead of ${coming[field]}`;
  }
  return null;
}

function requireVisible(top: PortableSnapshot | undefined, byId: ReadonlyMap<string, SnapshotRecord>): void {
  if (top === undefined || byId.get(top.id)?.isDeleted !== true) return;
  throw new DarkroomError(
    'SNAPSHOT_STATE',
    `The snapshot ${top.id} was deleted in the store, where others still need its data. Once those are deleted too it can be brought back.`,
    { fields: { snapshotId: top.id } },
  );
}

function damaged(snapshotId: string): DarkroomError {
  return new DarkroomError(
    'SNAPSHOT_DAMAGED',
    `The snapshot ${snapshotId}, which is in the store already, failed a verify: nothing can be brought to stand on it.`,
    { fields: { snapshotId } },
  );
}

/** Snapshots of a volume are for whoever may see its instance, and are not put among those of others. */
export async function requireOwnVolume(
  core: Core,
  { volume, instance, refuse }: Coming,
  known: readonly SnapshotRecord[],
): Promise<void> {
  if (core.caller.role === 'admin') return;
  const now = core.clock.now();
  const isShared = known.some((record) => !maySeeSnapshot(core.caller, record, now));
  if (isShared || !(await maySeeItsInstance(core, instance))) throw refuse(`the volume ${volume} is not yours`);
}

async function maySeeItsInstance(core: Core, instance: string): Promise<boolean> {
  try {
    return maySeeInstance(core.caller, describeDomain(await core.hypervisor.getDomainXml(instance)));
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return true;
    throw error;
  }
}
