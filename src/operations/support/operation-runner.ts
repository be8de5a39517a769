import { newUuid } from '../../lib/uuid.ts';
import type { Caller } from '../../model/access.ts';
import { DarkroomError, hasCode, toDarkroomError } from '../../model/errors.ts';
import type { Operation, OperationKind, OperationResult } from '../../model/operation.ts';
import type { Idempotency } from '../../model/ports/journal.ts';
import type { Core } from './context.ts';
import { OperationHandle } from './operation-handle.ts';
import { acquireLocks } from './operation-locks.ts';
import type { LockRequest, Preparation, UseCase } from './use-case.ts';

const CANCEL_POLL_MS = 250;
const INSTANCE_LOCK = 'instance:';

export interface StartOptions {
  readonly caller: Caller;
  readonly idempotency: Idempotency | null;
}

interface RunningOperation {
  readonly controller: AbortController;
  readonly ended: Promise<void>;
}

/** Runs operations of this process: journals them, holds their locks, listens for cancellation, records their end. */
export class OperationRunner {
  readonly #core: Core;
  readonly #ids = new Set<string>();
  readonly #running = new Map<string, RunningOperation>();
  /** By principal and key: two requests at the same time under one key are one. */
  readonly #starting = new Map<string, Promise<Operation>>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Operations of this process that go on, from before they are on record until after their end is. */
  get runningIds(): readonly string[] {
    return [...this.#ids];
  }

  /**
   * Resolves when the operation is on record and runs. Under a key of the caller's that was used before it is the
   * operation of then, or IDEMPOTENCY_CONFLICT when that was another request.
   */
  async startOnce<Request extends { readonly kind: OperationKind }, Input>(
    useCase: UseCase<Request, Input>,
    request: Request,
    { caller, idempotency }: StartOptions,
  ): Promise<Operation> {
    if (idempotency === null) return await this.start(useCase, request, { caller, idempotency });
    const slot = JSON.stringify([caller.name, idempotency.key]);
    const before = this.#starting.get(slot)?.catch(() => undefined) ?? Promise.resolve();
    const starting = before.then(async () => {
      const known = await this.#core.journal.findByKey(caller.name, idempotency.key);
      if (known !== null) return requireSameRequest(known, idempotency);
      return await this.start(useCase, request, { caller, idempotency });
    });
    this.#starting.set(slot, starting);
    try {
      return await starting;
    } finally {
      if (this.#starting.get(slot) === starting) this.#starting.delete(slot);
    }
  }

  /** Resolves when the operation is on record and runs. */
  async start<Request extends { readonly kind: OperationKind }, Input>(
    useCase: UseCase<Request, Input>,
    request: Request,
    { caller, idempotency }: StartOptions = { caller: this.#core.caller, idempotency: null },
  ): Promise<Operation> {
    const core = { ...this.#core, caller };
    const prepared = await useCase.prepare(core, request);
    const operation = newOperation(core, { kind: request.kind, target: prepared.target });
    await acquireLocks(core, prepared.locks, { operationId: operation.id, kind: request.kind });
    // first: a recovery that reads the journal in this moment must not take it for abandoned
    this.#ids.add(operation.id);
    try {
      const owner = core.processes.self;
      await core.journal.begin(operation, { owner, plan: null, ...(idempotency === null ? {} : { idempotency }) });
    } catch (error) {
      this.#ids.delete(operation.id);
      await core.locks.release(operation.id);
      throw error;
    }
    const controller = new AbortController();
    const ended = this.#run(useCase, { core, operation, prepared, controller }).finally(() => {
      this.#running.delete(operation.id);
      this.#ids.delete(operation.id);
    });
    this.#running.set(operation.id, { controller, ended });
    return operation;
  }

  /** Cancels at once what runs here; true when it does. */
  cancel(operationId: string): boolean {
    const running = this.#running.get(operationId);
    running?.controller.abort();
    return running !== undefined;
  }

  /** Resolves when what runs here has ended, and that is on record; undefined: it does not run here. */
  endOf(operationId: string): Promise<void> | undefined {
    return this.#running.get(operationId)?.ended.catch(() => undefined);
  }

  /** Resolves when nothing runs any more. */
  async drain(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  async #run<Request, Input>(
    useCase: UseCase<Request, Input>,
    work: { core: Core; operation: Operation; prepared: Preparation<Input>; controller: AbortController },
  ): Promise<void> {
    const { core, operation, prepared, controller } = work;
    const log = core.log.child({ operationId: operation.id, kind: operation.kind, ...findInstance(prepared.locks) });
    log.info({ target: operation.target }, 'operation started');
    const handle = new OperationHandle(operation.id, this.#core.journal);
    const stopListening = this.#listenForCancel(operation.id, controller);
    const started = this.#core.clock.monotonicMs();
    let result: OperationResult = {};
    let failure: DarkroomError | null = null;
    try {
      result = await useCase.run({ ...core, log, operation: handle }, prepared.input, controller.signal);
      log.info({ ms: Math.round(this.#core.clock.monotonicMs() - started) }, 'operation succeeded');
    } catch (error) {
      failure = asFailure(toDarkroomError(error), handle);
      // who waits is told anyway, and the journal keeps it
      log.info({ code: failure.code, error: failure.message, stack: failure.stack ?? null }, 'operation failed');
    }
    stopListening();
    handle.addTiming('totalMs', this.#core.clock.monotonicMs() - started);
    await this.#finish(handle, { result, failure, isCancelled: controller.signal.aborted });
  }

  async #finish(
    handle: OperationHandle,
    end: { result: OperationResult; failure: DarkroomError | null; isCancelled: boolean },
  ): Promise<void> {
    const { facts } = handle;
    const failure = end.failure !== null && end.isCancelled ? cancelled(end.failure) : end.failure;
    try {
      await this.#core.journal.finish(handle.id, {
        ...facts,
        status: outcomeOf(failure, handle.isSettled),
        endedAt: this.#core.clock.now().toISOString(),
        error: failure === null ? null : { code: failure.code, message: failure.message },
        result: { ...facts.result, ...end.result },
      });
    } catch (error) {
      this.#core.log.error(
        { operationId: handle.id, error: String(error) },
        'the end of an operation was not recorded',
      );
    } finally {
      await this.#core.locks.release(handle.id);
    }
  }

  #listenForCancel(operationId: string, controller: AbortController): () => void {
    const timer = setInterval(() => {
      this.#core.journal.read(operationId).then(
        ({ isCancelRequested }) => {
          if (isCancelRequested) controller.abort();
        },
        () => undefined,
      );
    }, CANCEL_POLL_MS);
    return () => clearInterval(timer);
  }
}

/** By its lock: what works on an instance holds it alone. */
function findInstance({ exclusive }: LockRequest): { readonly instanceId?: string } {
  const [key] = exclusive.filter((name) => name.startsWith(INSTANCE_LOCK));
  return key === undefined ? {} : { instanceId: key.slice(INSTANCE_LOCK.length) };
}

function newOperation(core: Core, { kind, target }: Pick<Operation, 'kind' | 'target'>): Operation {
  return {
    id: newUuid(),
    kind,
    target,
    requestedBy: core.caller.name,
    status: 'running',
    step: 'starting',
    progress: null,
    startedAt: core.clock.now().toISOString(),
    endedAt: null,
    error: null,
    timings: {},
    result: {},
    warnings: [],
  };
}

function requireSameRequest(
  { operation, digest }: { readonly operation: Operation; readonly digest: string },
  { key, digest: wanted }: Idempotency,
): Operation {
  if (digest === wanted) return operation;
  throw new DarkroomError(
    'IDEMPOTENCY_CONFLICT',
    `The key ${JSON.stringify(key)} was used for another request, which became operation ${operation.id}. Take a new key.`,
    { fields: { operationId: operation.id } },
  );
}

/** What says "refused before anything was touched" is no longer true once something was; what a check foresaw is. */
function asFailure(error: DarkroomError, handle: OperationHandle): DarkroomError {
  if (!handle.hasBegun || !hasCode(error, 'NO_SPACE', 'STORE_UNUSABLE') || isForeseen(error)) return error;
  return new DarkroomError('STORE_WRITE_FAILED', error.message, { fields: error.fields, cause: error });
}

/** A check of the space refused the work: no disk filled up under it. */
function isForeseen(error: DarkroomError): boolean {
  return error.fields['neededBytes'] !== undefined;
}

/** Whatever broke while an operation undid itself on request, what people should read is that it was cancelled. */
function cancelled(failure: DarkroomError): DarkroomError {
  if (hasCode(failure, 'CANCELLED')) return failure;
  return new DarkroomError('CANCELLED', 'The operation was cancelled and undone.', { cause: failure });
}

function outcomeOf(failure: DarkroomError | null, isSettled: boolean): Operation['status'] {
  if (failure === null) return 'succeeded';
  if (!isSettled) return 'interrupted';
  return failure.code === 'CANCELLED' ? 'cancelled' : 'failed';
}
