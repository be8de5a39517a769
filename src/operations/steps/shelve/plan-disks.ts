import { mapConcurrently } from '../../../lib/async.ts';
import type { Core } from '../../support/context.ts';
import { measureDisks } from '../capture/copy-disks.ts';
import type { Inspection } from '../capture/inspect-instance.ts';
import type { SelectedDisk } from '../capture/select-disks.ts';

const CONCURRENT_LOOKS = 2;
/** What was discarded leaves holes, which would be sent as zeroes: a file that is more than that longer than its copy is copied. */
const MOST_HOLLOW = 0.25;
const ALWAYS_SENT_BYTES = 64 * 1024 ** 2;

export interface DiskPlan {
  readonly disk: SelectedDisk;
  /** Of the file. */
  readonly sizeBytes: number;
  /** Of a flat copy, at most. */
  readonly measuredBytes: number;
}

export interface DiskPlans {
  /** Go to the store as they lie: no room is needed here. */
  readonly straight: readonly DiskPlan[];
  /** Are written flat below the store's folder first. */
  readonly copied: readonly DiskPlan[];
}

/**
 * Which way each disk goes into its image. Straight: to a store elsewhere, a qcow2 in a regular file with all that is in it, so that a
 * copy would be no different. That nobody writes to it, and that it is sound, is for who sends it.
 */
export async function planDisks(
  core: Core,
  { selection, chains }: Pick<Inspection, 'selection' | 'chains'>,
  signal: AbortSignal,
): Promise<DiskPlans> {
  const plans = await mapConcurrently(selection.captured, CONCURRENT_LOOKS, async (disk) => {
    const measuredBytes = await measureDisks(core, [disk], signal);
    const stat = await core.files.stat(disk.path);
    const plan = { disk, measuredBytes, sizeBytes: stat?.sizeBytes ?? 0 };
    const isPlain = stat?.kind === 'file' && standsAlone(disk, chains.get(disk.target) ?? []);
    return { plan, isStraight: !core.store.keepsFilesHere && isPlain && !isHollow(plan) };
  });
  return {
    straight: plans.filter(({ isStraight }) => isStraight).map(({ plan }) => plan),
    copied: plans.filter(({ isStraight }) => !isStraight).map(({ plan }) => plan),
  };
}

/** Encrypted ones, and those with internal snapshots, were refused before. */
function standsAlone({ format, isBlockDevice }: SelectedDisk, chain: Parameters<typeof isWhole>[0]): boolean {
  return format === 'qcow2' && !isBlockDevice && isWhole(chain);
}

function isWhole([top, ...below]: NonNullable<ReturnType<Inspection['chains']['get']>>): boolean {
  return top !== undefined && below.length === 0 && top.backing === null && top.dataFile === null;
}

function isHollow({ sizeBytes, measuredBytes }: Pick<DiskPlan, 'sizeBytes' | 'measuredBytes'>): boolean {
  return sizeBytes > measuredBytes * (1 + MOST_HOLLOW) + ALWAYS_SENT_BYTES;
}
