import type { JournalledOperation, OperationResult } from '../../model/operation.ts';
import type { Core, OperationContext } from './context.ts';

/** What a use case found out before it became an operation. */
export interface Preparation<Input> {
  /** What the operation works on, as people know it. */
  readonly target: string;
  readonly locks: LockRequest;
  readonly input: Input;
}

export interface LockRequest {
  /** Taken alone: `instance:<uuid>`, `image:<id>`, `name:<instance name>`. */
  readonly exclusive: readonly string[];
  /** Taken together with other readers, never beside an exclusive one. */
  readonly shared: readonly string[];
}

/** One thing that Darkroom does, with how it is put right after a crash. */
export interface UseCase<Request, Input> {
  /** Looks only: resolves names, refuses what can be refused at once. Throws leave no operation behind. */
  prepare(core: Core, request: Request): Promise<Preparation<Input>>;
  /** Works under the locks. Before it throws it puts the world right and settles, or leaves its plan for `recover`. */
  run(context: OperationContext, input: Input, signal: AbortSignal): Promise<OperationResult>;
}

/**
 * Puts right what a dead operation left, from its plan; idempotent. Returns what a person should know. Throws when it
 * cannot be done now; then it is tried again at the next start.
 */
export type Recover = (core: Core, unfinished: JournalledOperation) => Promise<readonly string[]>;
