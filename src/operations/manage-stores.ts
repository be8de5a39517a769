import { DarkroomError, toDarkroomError } from '../model/errors.ts';
import type { OpenStore } from '../model/ports/stores.ts';
import type { StoreDescription, StoreFinding, StoreStatus } from '../model/store.ts';
import type { CollectGarbageRequest } from '../model/store-requests.ts';
import { crossCheck, isForgotten } from '../model/store-rules.ts';
import { chooseStore } from './steps/store/choose-store.ts';
import { findBusyIds, isBusy } from './steps/store/find-busy-ids.ts';
import { measureService, measureStore } from './steps/store/measure-store.ts';
import { readContent } from './steps/store/read-content.ts';
import type { Core } from './support/context.ts';

/** Names and places, for everybody who may name one. */
export async function listStores(core: Core): Promise<readonly StoreDescription[]> {
  return [...core.stores.list(), ...core.imageServices.list()];
}

/** What there is in each store and image service, or in one: whosever it is, so for admins alone. One that is away hides no other. */
export async function readStoreStatus(core: Core, name?: string): Promise<readonly StoreStatus[]> {
  requireAdmin(core, 'what there is in stores');
  const services = core.imageServices.list();
  if (name !== undefined && !services.some((service) => service.name === name))
    return [await measureStore(await openStore(core, name, { others: services }))];
  const ofStores = name === undefined ? core.stores.list() : [];
  return await Promise.all([
    ...ofStores.map((description) => measureStore(openConfigured(core, description))),
    ...services
      .filter((service) => name === undefined || service.name === name)
      .map((service) => measureService(core.imageServices.open(service.name))),
  ]);
}

/** What is not as it should be in a store; the default one without a name. Reads no content of disks. */
export async function checkStore(core: Core, name?: string): Promise<readonly StoreFinding[]> {
  requireAdmin(core, 'checks of stores');
  const store = await openStore(core, name ?? null);
  const suspects = crossCheck(await readContent(store));
  // looked at again: somebody may have come between two listings
  const confirmed = suspects.length === 0 ? [] : crossCheck(await readContent(store));
  const isConfirmed = ({ kind, subject }: StoreFinding): boolean =>
    confirmed.some((other) => other.kind === kind && other.subject === subject);
  return [...suspects.filter(isConfirmed), ...(await store.upkeep.findFaults())];
}

/** Removes what belongs to nothing and is old enough that nobody is at work on it. Returns what was removed, or would be. */
export async function collectGarbage(core: Core, request: CollectGarbageRequest): Promise<readonly StoreFinding[]> {
  requireAdmin(core, 'clearing stores up');
  const store = await openStore(core, request.store);
  const found = await store.upkeep.findFaults();
  const age = { nowMs: core.clock.now().getTime(), olderThanMs: request.olderThanMs };
  const removed: StoreFinding[] = [];
  const failures: unknown[] = [];
  for (const finding of found.filter((each) => isForgotten(each, age))) {
    try {
      if (await mayGo(core, store, finding)) {
        if (request.isDryRun || (await remove(core, store, finding))) removed.push(finding);
      }
    } catch (error) {
      core.log.warn({ subject: finding.subject, error: toDarkroomError(error).message }, 'a leftover of a store stays');
      failures.push(error);
    }
  }
  if (removed.length === 0 && failures.length > 0) throw failures[0];
  return removed;
}

/** Asked anew for each: operations begin meanwhile. */
async function mayGo(core: Core, { shelf }: OpenStore, { kind, subject }: StoreFinding): Promise<boolean> {
  if (isBusy(await findBusyIds(core), subject)) return false;
  // whoever copies an image to the store, on whatever host
  return kind !== 'unpublished-image' || (await shelf.readClaim(subject)) === null;
}

async function remove(core: Core, { upkeep, description }: OpenStore, finding: StoreFinding): Promise<boolean> {
  const isRemoved = await upkeep.removeFault(finding);
  const { kind, subject, bytes } = finding;
  if (isRemoved) core.log.info({ store: description.name, kind, subject, bytes }, 'a leftover of a store was removed');
  return isRemoved;
}

/** `others`: what may be named in this place besides stores. */
async function openStore(
  core: Core,
  name: string | null,
  { others = [] }: { readonly others?: readonly StoreDescription[] } = {},
): Promise<OpenStore> {
  const [first] = core.stores.list();
  if (name !== null) {
    requireKnown(core, name, others);
    const chosen = await chooseStore(core, name, core.store);
    if (chosen !== null) return chosen;
  }
  const own = { name: 'default', kind: 'directory', location: core.store.location, isDefault: true } as const;
  return ownStore(core, first ?? own);
}

/** STORE_NOT_FOUND, with all that there is, for what is no place either. */
function requireKnown({ stores, imageServices }: Core, wanted: string, others: readonly StoreDescription[]): void {
  const known = stores.list();
  if (wanted.includes('/') || known.some(({ name, location }) => name === wanted || location === wanted)) return;
  const isService = imageServices.list().some(({ name }) => name === wanted);
  const what = isService
    ? `${wanted} is an image service, and this needs a store`
    : `There is no store called ${JSON.stringify(wanted)}`;
  const services = others.length === 0 ? '' : `; image services: ${nameAll(others)}`;
  throw new DarkroomError('STORE_NOT_FOUND', `${what}: known are ${nameAll(known)}${services}.`, {
    fields: { store: wanted, known: nameAll([...known, ...others]) },
  });
}

function nameAll(stores: readonly StoreDescription[]): string {
  return stores.map(({ name }) => name).join(', ');
}

function openConfigured(core: Core, description: StoreDescription): OpenStore {
  return description.isDefault ? ownStore(core, description) : core.stores.open(description.name);
}

/** As the rest of the host has it open. */
function ownStore({ store, shelf, snapshots, upkeep }: Core, description: StoreDescription): OpenStore {
  return { description, images: store, shelf, snapshots, upkeep };
}

function requireAdmin({ caller }: Core, what: string): void {
  if (caller.role === 'admin') return;
  throw new DarkroomError('FORBIDDEN', `${caller.name} has the role ${caller.role}: ${what} is for admins alone.`, {
    fields: { principal: caller.name, role: caller.role, needed: 'admin' },
  });
}
