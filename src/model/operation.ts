import { DarkroomError, type ErrorCode } from './errors.ts';
import type { MadeVolume } from './instance.ts';

export const OPERATION_KINDS = [
  'image.create',
  'backup.create',
  'image.import',
  'image.export',
  'image.verify',
  'image.copy',
  'image.push',
  'image.pull',
  'image.delete',
  'image.from-snapshot',
  'snapshot.create',
  'snapshot.delete',
  'snapshot.restore',
  'snapshot.verify',
  'snapshot.export',
  'snapshot.import',
  'snapshot.copy',
  'snapshot.mount',
  'snapshot.consolidate',
  'volume.create',
  'instance.launch',
  'instance.delete',
  'instance.start',
  'instance.stop',
  'instance.reboot',
  'instance.pause',
  'instance.resume',
  'instance.suspend',
  'instance.shelve',
  'instance.offload',
  'instance.unshelve',
] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];

/** interrupted: its process died, or libvirt was lost for good; recovery has put things right, or will. */
export const OPERATION_STATUSES = ['running', 'succeeded', 'failed', 'cancelled', 'interrupted'] as const;
export type OperationStatus = (typeof OPERATION_STATUSES)[number];

export interface OperationProgress {
  readonly done: number;
  readonly total: number;
  readonly unit: 'bytes' | 'steps';
}

export interface OperationResult {
  readonly imageId?: string;
  readonly instanceId?: string;
  /** The first, where there are several. */
  readonly snapshotId?: string;
  readonly snapshotIds?: readonly string[];
  /** File of a volume that was made. */
  readonly path?: string;
  readonly volume?: MadeVolume;
  /** Bytes that a delete freed. */
  readonly freedBytes?: number;
  /** Where a mounted snapshot can be read. */
  readonly uri?: string;
  /** Of the image that a push made in an image service. */
  readonly serviceImageId?: string;
}

/** One long piece of work, as `--json` prints it. */
export interface Operation {
  readonly id: string;
  readonly kind: OperationKind;
  /** Name or id of what it works on, as people know it. */
  readonly target: string;
  /** Name of the principal that asked for it; null in records of before there were any. */
  readonly requestedBy: string | null;
  readonly status: OperationStatus;
  readonly step: string;
  readonly progress: OperationProgress | null;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
  /** Milliseconds and bytes by name; timings.ts has them all. */
  readonly timings: Readonly<Record<string, number>>;
  readonly result: OperationResult;
  /** Things that went well enough but that a person should know. */
  readonly warnings: readonly string[];
}

/** Which process runs an operation. A pid alone is reused; with its start time and the boot it is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot: field 22 of /proc/PID/stat (proc(5)). */
  readonly startTicks: number;
  /** /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
}

/** What the journal keeps of an operation beyond what people see. */
export interface JournalledOperation {
  readonly operation: Operation;
  readonly owner: ProcessIdentity;
  /** Plan and facts that its recovery needs, written before the step that they are for. JSON. */
  readonly plan: unknown;
  readonly isCancelRequested: boolean;
  /** Grows with every change of any operation of the host. */
  readonly revision: number;
}

export function operationNotFound(operationId: string): DarkroomError {
  return new DarkroomError(
    'OPERATION_NOT_FOUND',
    `There is no operation ${operationId}. darkroom operation list shows what there is.`,
    { fields: { operationId } },
  );
}
