import { expect, onTestFinished } from 'vitest';
import type { Operation } from '../../../src/model/operation.ts';
import type { ShelveInstanceRequest, UnshelveInstanceRequest } from '../../../src/model/requests.ts';
import type { ShelvedInstance } from '../../../src/model/shelved-instance.ts';
import { shelveInstance } from '../../../src/operations/shelve-instance.ts';
import { unshelveInstance } from '../../../src/operations/unshelve-instance.ts';
import { runToEnd } from '../../support/image-core.ts';
import { createGate, type PortCall } from '../../support/mishaps.ts';
import {
  GUEST_UUID,
  type GuestOptions,
  lookAt,
  makeShelfHost,
  putGuest,
  type ShelfHost,
  shelveRequest,
  unshelveRequest,
} from '../../support/shelf-host.ts';

export function shelve(host: ShelfHost, changes: Partial<ShelveInstanceRequest> = {}): Promise<Operation> {
  return runToEnd(host.core, shelveInstance, shelveRequest(changes));
}

export function unshelve(host: ShelfHost, changes: Partial<UnshelveInstanceRequest> = {}): Promise<Operation> {
  return runToEnd(host.core, unshelveInstance, unshelveRequest(changes));
}

/** A new guest that is shelved; what it looked like before. */
export async function shelveGuest(
  host: ShelfHost,
  {
    guest = {},
    request = {},
  }: { readonly guest?: GuestOptions; readonly request?: Partial<ShelveInstanceRequest> } = {},
) {
  await putGuest(host, guest);
  const before = await lookAt(host);
  expect(await shelve(host, request)).toMatchObject({ error: null, status: 'succeeded' });
  return before;
}

export async function readRecord(host: ShelfHost): Promise<ShelvedInstance> {
  const record = await host.storage.shelf.read(GUEST_UUID);
  if (record === null) throw new Error('there is no record');
  return record;
}

/** Another host of the same store. */
export function anotherHost(host: ShelfHost): ShelfHost {
  const other = makeShelfHost({ hostName: 'host-b', storage: host.storage });
  onTestFinished(() => other.dispose());
  return other;
}

/** A shelve, and an unshelve whose process dies right after that call. */
export async function dieWhileUnshelving(
  host: ShelfHost,
  isLast: (call: PortCall) => boolean,
  { isLaunched = true, arrange = (_: ShelfHost): void => undefined } = {},
): Promise<void> {
  const rehearsal = makeShelfHost();
  await putGuest(rehearsal, { isLaunched });
  await shelve(rehearsal);
  arrange(rehearsal);
  const calls = createGate(null);
  await runToEnd(rehearsal.process(1000, calls), unshelveInstance, unshelveRequest());
  rehearsal.dispose();
  await shelveGuest(host, { guest: { isLaunched } });
  arrange(host);
  const gate = createGate({ at: calls.calls.findIndex(isLast), mishap: 'death' });
  await runToEnd(host.process(1000, gate), unshelveInstance, unshelveRequest()).catch(() => null);
}
