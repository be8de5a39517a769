import * as connect from '../binding/connect.ts';
import type { Pointer } from '../binding/library.ts';

/** After this long without a call the daemon may have been restarted: look before the next one. */
const IDLE_LIMIT_MS = 1_000;
const KEEP_ALIVE = { intervalSeconds: 5, count: 5 };

/** The connection of one call thread: opened at the first call, opened again after it was lost. */
export class WorkerConnection {
  readonly #uri: string;
  #pointer: Pointer | null = null;
  #lastUseMs = 0;

  constructor(uri: string) {
    this.#uri = uri;
  }

  get isOpen(): boolean {
    return this.#pointer !== null;
  }

  take(): Pointer {
    if (this.#pointer !== null && !this.#isUsable(this.#pointer)) this.close();
    this.#pointer ??= openWithKeepAlive(this.#uri);
    return this.#pointer;
  }

  /** To be called after every call: notes its time, lets go of a connection that has died; false when it had. */
  settle(): boolean {
    this.#lastUseMs = performance.now();
    if (this.#pointer === null) return false;
    if (connect.isAlive(this.#pointer)) return true;
    this.close();
    return false;
  }

  close(): void {
    if (this.#pointer === null) return;
    try {
      connect.close(this.#pointer);
    } catch {
      // nothing is left to close
    }
    this.#pointer = null;
  }

  #isUsable(pointer: Pointer): boolean {
    if (!connect.isAlive(pointer)) return false;
    return performance.now() - this.#lastUseMs < IDLE_LIMIT_MS || answers(pointer);
  }
}

function openWithKeepAlive(uri: string): Pointer {
  const pointer = connect.open(uri);
  connect.setKeepAlive(pointer, KEEP_ALIVE);
  return pointer;
}

function answers(pointer: Pointer): boolean {
  try {
    connect.getLibVersion(pointer);
    return true;
  } catch {
    return false;
  }
}
