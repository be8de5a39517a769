import type { OperationContext } from '../../../support/context.ts';
import type { Inspection } from '../../capture/inspect-instance.ts';
import { isLive } from '../../capture/look-at-domain.ts';
import { overlayFolder } from '../../capture/overlay-place.ts';
import { checkSnapshotQuota } from '../../check-quota.ts';
import { checkSpace } from '../../check-space.ts';
import { boundFile } from './reserve-room.ts';
import type { VolumeWork } from './volume-work.ts';

/** NO_SPACE, QUOTA_EXCEEDED: as far as it can be told before. What a comparison finds is known only when it has ended. */
export async function refuseWithoutRoom(
  context: OperationContext,
  inspection: Inspection,
  works: readonly VolumeWork[],
): Promise<void> {
  const storeBytes = (work: VolumeWork): number => (work.choice.method === 'compare' ? 0 : (work.expectedBytes ?? 0));
  const plannedBytes = works.reduce((sum, work) => sum + storeBytes(work), 0);
  await checkSnapshotQuota(context, { count: works.length, bytes: plannedBytes });
  const stagingNeeds = works.map(({ disk, expectedBytes, logicalBytes }) => ({
    path: overlayFolder(context, disk),
    bytes: boundFile(expectedBytes ?? 0, logicalBytes),
    what: 'what QEMU writes beside the disk',
  }));
  await checkSpace(context, [
    { path: context.snapshots.rootPath, bytes: plannedBytes, what: 'the snapshot' },
    ...(isLive(inspection) ? stagingNeeds : []),
  ]);
}
