import type { Consistency } from '../../../../model/consistency.ts';
import type { AgentState } from '../../../../model/ports/hypervisor.ts';
import type { ChosenMethod } from '../../../../model/snapshot/choose-method.ts';
import type { CreateSnapshotRequest } from '../../../../model/snapshot/requests.ts';
import type { SnapshotPlan } from '../../../snapshot-plan.ts';
import type { Inspection } from '../../capture/inspect-instance.ts';
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

export interface StagedLayers {
  /** Paths of what holds the blocks of the instant, by target: the draft's own where nothing is left to be encoded or moved. */
  readonly layers: ReadonlyMap<string, string>;
  readonly consistency: Consistency;
  /** RFC 3339, UTC. */
  readonly takenAt: string;
}
