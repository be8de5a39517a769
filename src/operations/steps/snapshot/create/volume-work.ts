import type { Consistency } from '../../../../model/consistency.ts';
import type { AgentState } from '../../../../model/ports/hypervisor.ts';
import type { ChosenMethod } from '../../../../model/snapshot/choose-method.ts';
import type { CreateSnapshotRequest } from '../../../../model/snapshot/requests.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { SnapshotPlan } from '../../../snapshot-plan.ts';
import type { Inspection } from '../../capture/inspect-instance.ts';
import { isLive } from '../../capture/look-at-domain.ts';
import type { SelectedDisk } from '../../capture/select-disks.ts';

/** One disk of which a snapshot is made, and how. */
export interface VolumeWork {
  readonly volume: string;
  readonly disk: SelectedDisk;
  readonly logicalBytes: number;
  readonly choice: ChosenMethod;
  /** What is written at most as far as it can be told; null: it cannot. */
  readonly expectedBytes: number | null;
  /** For the record: later than when the volume was known to hold any other. RFC 3339, UTC. */
  readonly headAt: (instant: Date) => string;
  /** Names of bitmaps in the disk's own file. */
  readonly bitmaps: readonly string[];
}

/** All that one snapshot operation knows of its guest. */
export interface SnapshotJob {
  readonly request: CreateSnapshotRequest;
  readonly inspection: Inspection;
  readonly agent: AgentState;
  readonly works: readonly VolumeWork[];
  readonly plan: SnapshotPlan;
}

/**
 * Where what QEMU writes of a guest that runs becomes the snapshot's file as it is, its header names the parent from the beginning:
 * libvirt has QEMU open a backup's target without what it stands on, whatever its header says.
 */
export function parentFromStart(
  { request, plan }: Pick<SnapshotJob, 'request' | 'plan'>,
  { choice }: VolumeWork,
): string | null {
  const isAsWritten = isLive(plan) && !request.isCompressed && !request.isEncrypted;
  return isAsWritten && choice.method === 'bitmap' ? parentFileName(choice.parent) : null;
}

/** Without a folder, so that the store may be moved, or seen from elsewhere. */
export function parentFileName({ id }: Pick<SnapshotRecord, 'id'>): string {
  return `${id}.qcow2`;
}

export interface StagedLayers {
  /** Paths of what holds the blocks of the instant, by target: the draft's own where nothing is left to be encoded or moved. */
  readonly layers: ReadonlyMap<string, string>;
  readonly consistency: Consistency;
  /** RFC 3339, UTC. */
  readonly takenAt: string;
}
