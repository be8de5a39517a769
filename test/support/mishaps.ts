/** A call of a port, as it was made. */
export interface PortCall {
  readonly port: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** fails: nothing was done; answer lost: it was done, and the caller is told that it failed; death: it was done, and nobody is told. */
export type Mishap = 'fails' | 'answer lost' | 'death';

export interface Gate {
  /** Calls that may go wrong, in order. */
  readonly calls: readonly PortCall[];
  /** The same port, whose calls pass here. */
  guard<T extends object>(port: string, target: T): T;
}

/** Only these change the world; after all others a death is as after the one before. */
const CHANGES: ReadonlySet<string> = new Set([
  ...['hypervisor.defineDomain', 'hypervisor.undefineDomain', 'hypervisor.setAutostart', 'hypervisor.startDomain'],
  ...['hypervisor.shutdownDomain', 'hypervisor.destroyDomain', 'hypervisor.resumeDomain'],
  ...['hypervisor.managedSaveDomain', 'hypervisor.restoreDomain', 'hypervisor.redefineCheckpoint'],
  ...['hypervisor.deleteCheckpoint', 'diskTool.create', 'diskTool.addBitmap'],
  ...['snapshots.update', 'snapshots.claim', 'snapshots.releaseClaim'],
  ...['hypervisor.addReservation', 'diskTool.convert', 'files.makeDirectory', 'files.writeDurably'],
  ...['files.tryLink', 'files.copy', 'files.setOwnership', 'files.rename', 'files.remove', 'files.removeTree'],
  ...['store.createDraft', 'store.updateImage', 'store.deleteImage', 'store.removeUser', 'store.fetchFile'],
  ...['draft.seal', 'draft.sealFrom', 'draft.publish', 'draft.discard'],
  ...['shelf.write', 'shelf.remove', 'shelf.claim', 'shelf.releaseClaim', 'journal.enterStep'],
]);

/** What answers at once, and what is told of in passing: nothing hangs on it. */
const UNGUARDED: ReadonlySet<string> = new Set([
  ...['hypervisor.managedSavePath', 'hypervisor.subscribe', 'store.openDraft', 'draft.path', 'draft.sealedPath'],
  ...['snapshots.filePath', 'files.hashGrowing'],
]);
const UNCOUNTED: ReadonlySet<string> = new Set([
  ...['journal.begin', 'journal.finish', 'journal.read', 'journal.list', 'journal.adopt'],
  ...['journal.saveProgress', 'journal.saveFacts'],
]);

export function isChange({ port, method }: PortCall): boolean {
  return CHANGES.has(`${port}.${method}`);
}

/**
 * All calls of one process pass here, and one of them goes wrong. Of a dead process no later call does anything: whatever its code
 * still believes to do, the world sees nothing of it.
 */
export function createGate(
  trip: { readonly at: number; readonly mishap: Mishap } | null,
  onCall: (call: PortCall) => void = () => undefined,
): Gate {
  if (trip !== null && trip.at < 0) throw new Error('nothing would happen: no such call is made');
  const calls: PortCall[] = [];
  let isDead = false;
  const pass = async (call: PortCall, work: () => unknown): Promise<unknown> => {
    if (isDead) throw new Error('its process is dead');
    if (UNCOUNTED.has(`${call.port}.${call.method}`)) return await work();
    const isTripped = trip?.at === calls.length;
    calls.push(call);
    onCall(call);
    if (isTripped && trip.mishap === 'fails') throw new Error('broken on purpose');
    const result = await work();
    if (!isTripped) return result;
    isDead = trip.mishap === 'death';
    throw new Error('broken on purpose');
  };
  return {
    calls,
    guard: (port, target) =>
      new Proxy(target, {
        get(object, method) {
          const value: unknown = Reflect.get(object, method, object);
          if (typeof value !== 'function' || typeof method === 'symbol' || UNGUARDED.has(`${port}.${method}`))
            return value;
          return (...args: readonly unknown[]) =>
            pass({ port, method, args }, () => Reflect.apply(value, object, args));
        },
      }),
  };
}
