import type { CallThread } from './call-thread.ts';

export type Urgency = 'patient' | 'read' | 'prompt' | 'urgent';

export interface WaitingCall {
  readonly urgency: Urgency;
  give(thread: CallThread): void;
}

const ORDER: Readonly<Record<Urgency, number>> = { urgent: 0, prompt: 1, read: 2, patient: 3 };

/** Calls for which there is no thread yet: the urgent ones first, else as they came. */
export class CallQueue {
  readonly #calls: WaitingCall[] = [];

  get size(): number {
    return this.#calls.length;
  }

  add(call: WaitingCall): void {
    const later = this.#calls.findIndex(({ urgency }) => ORDER[urgency] > ORDER[call.urgency]);
    this.#calls.splice(later < 0 ? this.#calls.length : later, 0, call);
  }

  remove(call: WaitingCall): void {
    this.#calls.splice(this.#calls.indexOf(call), 1);
  }

  /** The first one of an urgency that may run now. */
  first(mayRun: (urgency: Urgency) => boolean): WaitingCall | undefined {
    return this.#calls.find(({ urgency }) => mayRun(urgency));
  }
}
