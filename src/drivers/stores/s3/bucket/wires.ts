import { type Place, Wire, type WireRequest } from './wire.ts';
import { serialiseRequest } from './wire-request.ts';

/** The connections of one download: each request takes one that is free, or opens another. */
export class Wires implements Disposable {
  readonly #free: Wire[] = [];
  /** Who answers otherwise once is likely to do so again: nothing is asked for twice then. */
  #isPlain = true;

  /** As `Wire.get`, of a request that the SDK has signed; also false for one that is not plain enough, and after such an answer. */
  async get(signed: unknown, request: Omit<WireRequest, 'head'>): Promise<boolean> {
    const serialised = this.#isPlain ? serialiseRequest(signed) : null;
    if (serialised === null) return false;
    const wire = this.#take(serialised.place);
    const isTaken = await wire.get({ ...request, head: serialised.head });
    if (!isTaken) this.#isPlain = false;
    else if (wire.isOpen) this.#free.push(wire);
    return isTaken;
  }

  [Symbol.dispose](): void {
    for (const wire of this.#free) wire.close();
  }

  /** All go to the same place. */
  #take(place: Place): Wire {
    for (let wire = this.#free.pop(); wire !== undefined; wire = this.#free.pop()) if (wire.isOpen) return wire;
    return new Wire(place);
  }
}
