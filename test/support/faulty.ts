export interface Faulty<T> {
  /** Behaves as the port given, but for what was set up here. */
  readonly port: T;
  /** Names of the methods called, in order. */
  readonly calls: readonly string[];
  /** The next call of the method fails and does nothing; with `times`, as many calls. */
  failOn(method: keyof T, error: Error, options?: { readonly times?: number }): void;
  /** The next call of the method does its work and then fails, as when the answer was lost. */
  failAfter(method: keyof T, error: Error): void;
  /** Runs before every call of the method, with its arguments; what it throws is thrown. */
  before(method: keyof T, hook: (...args: readonly unknown[]) => unknown): void;
  /** Forgets all that was set up. */
  reset(): void;
}

/** Wraps a port, fake or real, so that its calls are recorded and may fail by method name. */
export function makeFaulty<T extends object>(target: T): Faulty<T> {
  const calls: string[] = [];
  const hooks = new Map<PropertyKey, (...args: readonly unknown[]) => unknown>();
  const failures = new Map<PropertyKey, { error: Error; times: number }>();
  const lateFailures = new Map<PropertyKey, Error>();

  const call = async (name: PropertyKey, work: () => unknown, args: readonly unknown[]): Promise<unknown> => {
    await hooks.get(name)?.(...args);
    const failure = failures.get(name);
    if (failure !== undefined && failure.times > 0) {
      failure.times -= 1;
      throw failure.error;
    }
    const result = await work();
    const late = lateFailures.get(name);
    lateFailures.delete(name);
    if (late !== undefined) throw late;
    return result;
  };

  const port = new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name, object);
      if (typeof value !== 'function') return value;
      return (...args: readonly unknown[]): unknown => {
        calls.push(String(name));
        const work = (): unknown => Reflect.apply(value, object, args);
        const isTouched = hooks.has(name) || failures.has(name) || lateFailures.has(name);
        // methods that are left alone keep their kind: some are synchronous
        return isTouched ? call(name, work, args) : work();
      };
    },
  });
  return {
    port,
    calls,
    failOn: (method, error, { times = 1 } = {}) => void failures.set(method, { error, times }),
    failAfter: (method, error) => void lateFailures.set(method, error),
    before: (method, hook) => void hooks.set(method, hook),
    reset: () => {
      for (const set of [hooks, failures, lateFailures]) set.clear();
    },
  };
}
