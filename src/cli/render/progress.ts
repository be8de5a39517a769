import type { Operation } from '../../model/operation.ts';

/** Shows on stderr how an operation goes on. */
export interface Progress {
  update(operation: Operation): void;
  /** Tells something else meanwhile. */
  note(message: string): void;
  /** Leaves the terminal tidy. */
  end(): void;
}
