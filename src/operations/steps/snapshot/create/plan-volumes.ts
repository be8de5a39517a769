import { mapConcurrently } from '../../../../lib/async.ts';
import {
  type BitmapState,
  type ChosenMethod,
  chooseMethod,
  listParents,
} from '../../../../model/snapshot/choose-method.ts';
import { headTimeAfter } from '../../../../model/snapshot/head-time.ts';
import type { CreateSnapshotRequest } from '../../../../model/snapshot/requests.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { OperationContext } from '../../../support/context.ts';
import type { Inspection } from '../../capture/inspect-instance.ts';
import { isLive } from '../../capture/look-at-domain.ts';
import type { SelectedDisk } from '../../capture/select-disks.ts';
import { volumeId } from '../../volume-id.ts';
import { type BitmapView, type BitmapViews, readBitmapsLive, readBitmapsOffline } from './read-bitmaps.ts';
import type { VolumeWork } from './volume-work.ts';

/** Older bitmaps are hardly ever worth more than a comparison. */
const BITMAPS_ASKED = 3;

export interface PlanningWish {
  readonly request: CreateSnapshotRequest;
  /** They have failed already. */
  readonly isWithoutBitmaps: boolean;
}

/** How the snapshot of each disk is made. May tell libvirt of checkpoints that it forgot; changes nothing else. */
export async function planVolumes(
  context: OperationContext,
  inspection: Inspection,
  { request, isWithoutBitmaps }: PlanningWish,
  signal: AbortSignal,
): Promise<VolumeWork[]> {
  const disks = inspection.selection.captured;
  const histories = await mapConcurrently(disks, 2, async (disk) => {
    const volume = volumeId(inspection.domain.uuid, disk.target);
    return { disk, volume, snapshots: await readHistory(context, volume) };
  });
  const bitmaps = isWithoutBitmaps ? NO_BITMAPS : await askForBitmaps(context, inspection, { request, histories });
  return mapConcurrently(histories, 2, async ({ disk, volume, snapshots }) => {
    const views = bitmaps.get(disk.target) ?? new Map<string, BitmapView>();
    const history = { snapshots, volumeFormat: disk.format, bitmaps: statesOf(views) };
    const choice = chooseMethod(history, request);
    const [top] = inspection.chains.get(disk.target) ?? [];
    return {
      ...{ volume, disk, choice },
      headAt: (instant: Date) => headTimeAfter(snapshots, instant),
      logicalBytes: top?.virtualSizeBytes ?? 0,
      expectedBytes: await expectBytes(context, { disk, choice, views }, signal),
      bitmaps: (top?.bitmaps ?? []).map(({ name }) => name),
    };
  });
}

const NO_BITMAPS: BitmapViews = new Map();

async function readHistory({ snapshots }: OperationContext, volume: string): Promise<readonly SnapshotRecord[]> {
  return (await snapshots.list({ volume })).snapshots;
}

interface History {
  readonly disk: SelectedDisk;
  readonly snapshots: readonly SnapshotRecord[];
}

async function askForBitmaps(
  context: OperationContext,
  inspection: Inspection,
  { request, histories }: { readonly request: CreateSnapshotRequest; readonly histories: readonly History[] },
): Promise<BitmapViews> {
  const questions = histories.map(({ disk, snapshots }) => ({
    target: disk.target,
    top: inspection.chains.get(disk.target)?.[0],
    names: disk.format === 'raw' ? [] : namesOf(snapshots, request),
  }));
  if (!isLive(inspection)) return readBitmapsOffline(questions);
  const allTargets = inspection.description.disks.map(({ target }) => target);
  return await readBitmapsLive(context, inspection.domain.uuid, { questions, allTargets });
}

/** Of those that the new one may stand on. */
function namesOf(
  snapshots: readonly SnapshotRecord[],
  { isEncrypted }: Pick<CreateSnapshotRequest, 'isEncrypted'>,
): readonly string[] {
  const parents = listParents(snapshots).filter((snapshot) => snapshot.isEncrypted === isEncrypted);
  const names = parents.flatMap(({ checkpoint }) => checkpoint ?? []);
  return names.slice(0, BITMAPS_ASKED);
}

function statesOf(views: ReadonlyMap<string, BitmapView>): ReadonlyMap<string, BitmapState> {
  return new Map([...views].map(([name, { state }]) => [name, state]));
}

async function expectBytes(
  context: OperationContext,
  work: {
    readonly disk: SelectedDisk;
    readonly choice: ChosenMethod;
    readonly views: ReadonlyMap<string, BitmapView>;
  },
  signal: AbortSignal,
): Promise<number | null> {
  if (work.choice.method === 'bitmap') return work.views.get(work.choice.bitmap)?.dirtyBytes ?? null;
  return await context.diskTool.measure(work.disk, 'qcow2', signal);
}
