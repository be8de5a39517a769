import type {
  JournalledOperation,
  Operation,
  OperationKind,
  OperationProgress,
  OperationStatus,
  ProcessIdentity,
} from '../operation.ts';

export interface OperationFilter {
  readonly status?: OperationStatus;
  readonly limit?: number;
  /** Only operations whose plan is not null: something of theirs may still have to be put right. */
  readonly isUnsettled?: boolean;
  readonly kind?: OperationKind;
  readonly target?: string;
  readonly requestedBy?: string;
  /** Only those that come after this one, in the order of the list. OPERATION_NOT_FOUND when there is none such. */
  readonly marker?: string;
}

/** What a client calls a request of its own, so that sending it twice does it once. */
export interface Idempotency {
  readonly key: string;
  /** Of the request; another request under the same key is a mistake. */
  readonly digest: string;
}

/** The durable record of operations. Every write has reached the disk when its promise resolves, but for progress. */
export interface Journal {
  begin(
    operation: Operation,
    details: { readonly owner: ProcessIdentity; readonly plan: unknown; readonly idempotency?: Idempotency },
  ): Promise<void>;
  /** What was begun under a key; null when nothing was. */
  findByKey(
    requestedBy: string,
    key: string,
  ): Promise<{ readonly operation: Operation; readonly digest: string } | null>;
  /** Records that `step` is about to change the world, with the plan that its recovery needs. */
  enterStep(operationId: string, step: string, plan: unknown): Promise<void>;
  /** Best effort and cheap; may be called often. */
  saveProgress(operationId: string, progress: OperationProgress | null): Promise<void>;
  /** Adds to what is known of a running operation. */
  saveFacts(operationId: string, facts: Partial<Pick<Operation, 'timings' | 'result' | 'warnings'>>): Promise<void>;
  finish(
    operationId: string,
    outcome: Pick<Operation, 'status' | 'endedAt' | 'error' | 'timings' | 'result' | 'warnings'>,
  ): Promise<void>;
  /** Takes over an operation whose owner is dead, so that only one process recovers it. False when another was faster. */
  adopt(
    operationId: string,
    owners: { readonly from: ProcessIdentity; readonly to: ProcessIdentity },
  ): Promise<boolean>;
  requestCancel(operationId: string): Promise<void>;
  /** OPERATION_NOT_FOUND when there is none. */
  read(operationId: string): Promise<JournalledOperation>;
  /** Newest first. */
  list(filter?: OperationFilter): Promise<readonly JournalledOperation[]>;
  /** At most `limit` of those that changed after that revision, of whatever process, in the order of their last change. */
  listChanged(afterRevision: number, limit: number): Promise<readonly JournalledOperation[]>;
  /** Of the last change; 0 when there was none. */
  lastRevision(): Promise<number>;
}

export interface LockHolder {
  readonly key: string;
  readonly operationId: string;
  readonly kind: string;
  readonly owner: ProcessIdentity;
}

/** Exclusive locks that die with their process. Keys: `instance:<uuid>`, `volume:<id>`, `image:<id>`, `name:<name>`. */
export interface LockTable {
  /** All or none; returns the holder of the first key that is taken by a living process, or null when all are ours now. */
  tryAcquire(
    keys: readonly string[],
    claim: { readonly operationId: string; readonly kind: string; readonly owner: ProcessIdentity },
  ): Promise<LockHolder | null>;
  /** Gives up all locks of an operation. */
  release(operationId: string): Promise<void>;
  /** Locks of living processes. */
  list(): Promise<readonly LockHolder[]>;
}
