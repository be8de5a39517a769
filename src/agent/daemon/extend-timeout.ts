import type { ServiceManager } from '../../model/ports/service-manager.ts';

const REPEAT_MS = 5_000;
const EXTENSION_MS = 30_000;
/** Work that takes longer than this is left to the service manager's patience; recovery is made for that. */
const LIMIT_MS = 60 * 60 * 1000;

/** Asks the service manager for more time, again and again, while `work` goes on. */
export async function withExtendedTimeout<T>(service: ServiceManager, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const extend = (): void => {
    if (performance.now() - started < LIMIT_MS) service.extendTimeout(EXTENSION_MS);
  };
  extend();
  const timer = setInterval(extend, REPEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
