import { expect, it } from 'vitest';
import type { OperationRequest } from '../../src/model/requests.ts';
import { type CallPoint, recordRequest, requestAndDie } from './support/kill-harness.ts';
import { createDarkroomHost } from './support/run-darkroom.ts';
import { expectNotShelved, expectOffloaded, readShelfState, unshelve } from './support/shelf.ts';
import { defineBootsectorGuest } from './support/tiny-guest.ts';
import { domainState, startDomain } from './support/virsh.ts';

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
  for (const { call, nth = 1 } of facts) {
    if (call === undefined || !/enterStep|destroyDomain|undefineDomain/.test(call)) continue;
    const at: CallPoint = { call, nth, when: 'after' };
    await requestAndDie(darkroom, guest.uri, { request, at });
    await darkroom.json(['instance', 'list']);
    if ((await readShelfState(darkroom.store, guest.uuid)) === null) {
      ends.running++;
      await expectNotShelved(darkroom, guest);
    } else {
      ends.shelved++;
      await expectOffloaded(darkroom, guest);
      await unshelve(darkroom, guest.uuid);
    }
    expect(await domainState(guest), `after ${call} ${nth}`).toBe('running');
  }
  expect(ends.running, 'undone').toBeGreaterThan(1);
  expect(ends.shelved, 'completed').toBeGreaterThan(0);
});
