import type { CallName } from '../calls/table.ts';

/** To a call thread; `null` instead asks it to close its connection and end. The pool has checked `args` against `name`. */
export interface CallRequest {
  readonly name: CallName;
  readonly args: unknown;
}

/** The same where it arrives: `never` fits the arguments of every function of the table. */
export interface ReceivedRequest extends CallRequest {
  readonly args: never;
}
