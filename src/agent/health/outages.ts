import type { Logger } from '../../lib/logger.ts';
import type { StoreOutage } from '../../model/store.ts';

/** What was last heard of stores that could not be used. */
export interface Outages {
  tell(outage: StoreOutage): void;
  /** null: none. It may be over. */
  last(store: string): StoreOutage | null;
}

/** Each is logged: whoever tells does so once per outage. */
export function createOutages(log: Pick<Logger, 'warn'>): Outages {
  const byStore = new Map<string, StoreOutage>();
  return {
    tell: (outage) => {
      byStore.set(outage.store, outage);
      log.warn({ ...outage }, 'a store cannot be used now, and is asked again');
    },
    last: (store) => byStore.get(store) ?? null,
  };
}
