import { expect, it } from 'vitest';
import type { OperationRequest } from '../../src/model/requests.ts';
import { type CallPoint, recordRequest, recoverAndDie } from './support/kill-harness.ts';
import { createDarkroomHost } from './support/run-darkroom.ts';
import { expectNotShelved, expectOffloaded, readShelfState, unshelve } from './support/shelf.ts';
import { defineBootsectorGuest } from './support/tiny-guest.ts';
import { domainState, startDomain } from './support/virsh.ts';

/** Twenty seconds pass in two. */
const HURRY = 10;

it('row 55, row 52: a guest that ran runs again, or is shelved whole, whatever step of its shelve dies', async () => {
  await using darkroom = await createDarkroomHost();
  await using guest = await defineBootsectorGuest();
  await startDomain(guest);
  const request: OperationRequest = {
    kind: 'instance.shelve',
    instance: guest.uuid,
    isOffloaded: true,
    shutdownTimeoutMs: 500,
    keepsMemory: false,
  };
  const facts = await recordRequest(darkroom, guest.uri, { request });
  await unshelve(darkroom, guest.uuid);
  const ends = { running: 0, shelved: 0 };
  const expectRecovered = async (died: CallPoint | null): Promise<void> => {
    if (died === null) return;
    if ((await readShelfState(darkroom.store, guest.uuid)) === null) {
      ends.running++;
      await expectNotShelved(darkroom, guest);
    } else {
      ends.shelved++;
      await expectOffloaded(darkroom, guest);
      await unshelve(darkroom, guest.uuid);
    }
    expect(await domainState(guest), `after ${died.call} ${died.nth}`).toBe('running');
  };
  let last: CallPoint | null = null;
  for (const { call, nth = 1 } of facts) {
    if (call === undefined || !/enterStep|destroyDomain|undefineDomain/.test(call)) continue;
    const at: CallPoint = { call, nth, when: 'after' };
    const died: CallPoint | null = last;
    // the guest never hears that it is to go down: nobody need wait for that as long as the recovery of a real one does
    await recoverAndDie(darkroom, guest.uri, { request, at, hurry: HURRY }, () => expectRecovered(died));
    last = at;
  }
  await darkroom.json(['instance', 'list']);
  await expectRecovered(last);
  expect(ends.running, 'undone').toBeGreaterThan(1);
  expect(ends.shelved, 'completed').toBeGreaterThan(0);
});
