import { z } from 'zod';
import type { StoreDescription, StoreFinding, StoreStatus } from '../model/store.ts';
import { call } from './call.ts';
import { API_ROOT, collectionPath, itemPath } from './paths.ts';
import { type CollectGarbageBody, storeFindingSchema, storeSchema, storeStatusSchema } from './schemas/stores.ts';
import { post, read } from './send.ts';
import type { Transport } from './transport.ts';

/** For admins alone: FORBIDDEN. */
export interface StoreCalls {
  /** The default first, image services last. */
  list(): Promise<readonly StoreDescription[]>;
  /** Of all of them where none is named. */
  status(store?: string): Promise<readonly StoreStatus[]>;
  /** Of the default where none is named. Takes as long as there is much in it. */
  check(store?: string): Promise<readonly StoreFinding[]>;
  /** Of the default where none is named; resolves with what was removed, or would be. */
  collectGarbage(body: CollectGarbageBody, store?: string): Promise<readonly StoreFinding[]>;
}

export function storeCalls(transport: Transport): StoreCalls {
  const ask = <Answer>(path: string, answer: z.ZodType<Answer>) =>
    call(transport, { method: 'GET', path, isSlow: true }, answer);
  return {
    list: () => read(transport, collectionPath('stores'), z.array(storeSchema)),
    status: async (store) => ask(verbPath('status', store), z.array(storeStatusSchema)),
    check: async (store) => ask(verbPath('check', store), z.array(storeFindingSchema)),
    collectGarbage: async (body, store) =>
      call(transport, post(verbPath('gc', store), body), z.array(storeFindingSchema)),
  };
}

function verbPath(verb: string, store: string | undefined): string {
  return store === undefined ? `${API_ROOT}/stores/${verb}` : itemPath('stores', store, { verb });
}
