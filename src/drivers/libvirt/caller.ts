import type { CallArgs, CallName, CallResult } from './calls/table.ts';
import { type CallAnswer, reviveFailure } from './threads/call-answer.ts';
import type { CallOptions, CallPool } from './threads/call-pool.ts';
import { translateError } from './translate-error.ts';

export interface CallSubject extends CallOptions {
  /** Completes "libvirt could not …". */
  readonly task: string;
  readonly uuid?: string;
}

/** One pool of call threads, with errors as the port promises them. */
export class Caller {
  readonly uri: string;
  readonly #pool: CallPool;

  constructor(uri: string, pool: CallPool) {
    this.uri = uri;
    this.#pool = pool;
  }

  /** Throws DarkroomError. */
  async call<N extends CallName>(name: N, args: CallArgs<N>, subject: CallSubject): Promise<CallResult<N>> {
    try {
      return await this.#pool.call(name, args, subject);
    } catch (error) {
      throw translateError(error, { uri: this.uri, ...subject });
    }
  }

  /** One answer of a call that has many. Throws DarkroomError. */
  take<R>(answer: CallAnswer<R>, subject: CallSubject): R {
    if (answer.isOk) return answer.value;
    throw translateError(reviveFailure(answer.failure), { uri: this.uri, ...subject });
  }

  /** Throws LibvirtError, for those who read it themselves. */
  callRaw<N extends CallName>(name: N, args: CallArgs<N>, options: CallOptions = {}): Promise<CallResult<N>> {
    return this.#pool.call(name, args, options);
  }
}
