import type { Core } from '../../../src/operations/support/context.ts';

/** Reading changes nothing: a process that dies in it dies as well before the next change. */
const READS =
  /^(list|read|resolve|file|draft|stat|free|info|map|check|compare|hash|version|measure|look|hold|now|monotonic|sleep)/;

export interface DyingCore {
  readonly core: Core;
  /** Whether it got so far. */
  isDead(): boolean;
}

/**
 * A core whose process dies at its nth change of the world, before it or, as when the answer is lost, right after. A dead one changes and
 * learns nothing any more.
 */
export function makeDying(core: Core, death: { readonly at: number; readonly isAfter: boolean }): DyingCore {
  let left = death.at;
  let isDead = false;
  const dying = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, name) {
        const value: unknown = Reflect.get(object, name, object);
        if (typeof value !== 'function' || typeof name === 'symbol') return value;
        const call = (args: readonly unknown[]): unknown => Reflect.apply(value, object, args);
        if (name === 'draft') return (...args: readonly unknown[]) => wrap(call(args));
        if (READS.test(name)) return (...args: readonly unknown[]) => (isDead ? die() : call(args));
        return async (...args: readonly unknown[]): Promise<unknown> => {
          if (isDead) return die();
          left -= 1;
          if (left > 0) return await call(args);
          if (death.isAfter) await call(args);
          isDead = true;
          return die();
        };
      },
    });
  const wrap = (value: unknown): unknown => (typeof value === 'object' && value !== null ? dying(value) : value);
  return {
    core: {
      ...core,
      snapshots: dying(core.snapshots),
      diskTool: dying(core.diskTool),
      files: dying(core.files),
      journal: dying(core.journal),
    },
    isDead: () => isDead,
  };
}

function die(): Promise<never> {
  return Promise.reject(new Error('the process is dead'));
}
