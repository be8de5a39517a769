import { type Account, countsFor } from '../../model/account.ts';
import { summariseDisks } from '../../model/image-rules.ts';
import type { Operation, OperationKind } from '../../model/operation.ts';
import type { QuotaUse } from '../../model/quota.ts';
import type { Core, OperationContext } from '../support/context.ts';

export type Use = Pick<QuotaUse, 'count' | 'bytes'>;

/** The same for a use case that looks before it is an operation, and for one that is. */
export type MaybeOperation = Core & Partial<Pick<OperationContext, 'operation'>>;

/** Images of one account, those in the making too, so that two at once cannot slip through. */
export async function measureImages(core: Core, account: Account): Promise<Use> {
  const { images, broken } = await core.store.listImages();
  const own = images.filter((image) => countsFor(account, image));
  const damaged = account.isHost ? broken.length : 0;
  return {
    count: own.length + damaged + (await countDrafts(core, account)),
    bytes: summariseDisks(own.flatMap(({ disks }) => disks)).sizeBytes,
  };
}

/** Who makes an image stands in the journal of the host that makes it. */
async function countDrafts(core: Core, account: Account): Promise<number> {
  const drafts = await core.store.listDraftIds();
  if (drafts.length === 0) return 0;
  const makers = new Map<string | null, string | null>();
  for (const { operation, plan } of await core.journal.list({ isUnsettled: true })) {
    makers.set(readImageId(plan), operation.requestedBy);
  }
  return drafts.filter((id) => countsFor(account, { owner: makers.get(id) ?? null })).length;
}

function readImageId(plan: unknown): string | null {
  const isNamed = typeof plan === 'object' && plan !== null && 'imageId' in plan;
  return isNamed && typeof plan.imageId === 'string' ? plan.imageId : null;
}

/** Snapshots of one account. A deleted one that others still need counts no more, but what it takes does. */
export async function measureSnapshots(core: MaybeOperation, account: Account): Promise<Use> {
  const { snapshots, broken } = await core.snapshots.list();
  const own = snapshots.filter((snapshot) => countsFor(account, snapshot));
  const ids = new Set(snapshots.map(({ id }) => id));
  const damaged = account.isHost ? broken.length : 0;
  return {
    count: own.filter(({ isDeleted }) => !isDeleted).length + damaged + (await countRunning(core, account, ids)),
    bytes: own.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
  };
}

const MAKERS: readonly OperationKind[] = ['snapshot.create', 'snapshot.import'];

/** Operations that have made none yet; of two that look at each other only the later one sees the other. */
async function countRunning(core: MaybeOperation, { name }: Account, ids: ReadonlySet<string>): Promise<number> {
  if (name === null) return 0;
  const running = await core.journal.list({ status: 'running', requestedBy: name });
  const self = running.find(({ operation }) => operation.id === core.operation?.id)?.operation;
  return running.filter(
    ({ operation }) =>
      MAKERS.includes(operation.kind) &&
      !ids.has(operation.result.snapshotId ?? '') &&
      (self === undefined || isBefore(operation, self)),
  ).length;
}

function isBefore(left: Operation, right: Operation): boolean {
  if (left.startedAt !== right.startedAt) return left.startedAt < right.startedAt;
  return left.id < right.id;
}
