import type { ServiceManager } from '../../src/model/ports/service-manager.ts';

/** Remembers what it was told, in the words of the port. */
export interface FakeServiceManager extends ServiceManager {
  readonly told: string[];
}

export function createFakeServiceManager(options: { readonly watchdogMs?: number } = {}): FakeServiceManager {
  const told: string[] = [];
  return {
    told,
    sockets: [],
    watchdogMs: options.watchdogMs ?? null,
    ready: (status) => void told.push(`ready: ${status}`),
    reloading: () => void told.push('reloading'),
    stopping: (status) => void told.push(`stopping: ${status}`),
    status: (text) => void told.push(`status: ${text}`),
    alive: () => void told.push('alive'),
    extendTimeout: () => void told.push('more time'),
  };
}
