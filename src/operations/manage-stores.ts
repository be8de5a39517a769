import { DarkroomError } from '../model/errors.ts';
import type { StoreDescription, StoreFinding, StoreStatus } from '../model/store.ts';
import type { CollectGarbageRequest } from '../model/store-requests.ts';
import type { Core } from './support/context.ts';

export async function listStores(core: Core): Promise<readonly StoreDescription[]> {
  return [...core.stores.list(), ...core.imageServices.list()];
}

export async function readStoreStatus(_core: Core, _name?: string): Promise<readonly StoreStatus[]> {
  throw new DarkroomError('INTERNAL', 'to come');
}

export async function checkStore(_core: Core, _name?: string): Promise<readonly StoreFinding[]> {
  throw new DarkroomError('INTERNAL', 'to come');
}

export async function collectGarbage(_core: Core, _request: CollectGarbageRequest): Promise<readonly StoreFinding[]> {
  throw new DarkroomError('INTERNAL', 'to come');
}
