import { afterEach, beforeEach, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { listDueOffloads } from '../../../src/operations/list-due-offloads.ts';
import { shelveInstance } from '../../../src/operations/shelve-instance.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { runToEnd } from '../../support/image-core.ts';
import { GUEST_UUID, makeShelfHost, putGuest, type ShelfHost, shelveRequest } from '../../support/shelf-host.ts';

const TIME_MS = 60_000;

let host: ShelfHost;

async function shelveWith(offloadTimeMs: number | null): Promise<void> {
  host = makeShelfHost({ settings: { shelvedOffloadTimeMs: offloadTimeMs } });
  await putGuest(host);
  await runToEnd(host.core, shelveInstance, shelveRequest({ isOffloaded: offloadTimeMs === 0 ? false : null }));
}

const due = async (): Promise<readonly string[]> => (await listDueOffloads(host.core)).map(({ name }) => name);

beforeEach(() => shelveWith(TIME_MS));
afterEach(() => host.dispose());

it('names an instance when its time on the host is over, and not before', async () => {
  expect(await due()).toEqual([]);
  await host.fakes.clock.sleep(TIME_MS - 1000);
  expect(await due()).toEqual([]);
  await host.fakes.clock.sleep(1000);
  expect(await due()).toEqual(['guest']);
});

it('names none that somebody started all the same, or that is gone from libvirt', async () => {
  await host.fakes.clock.sleep(TIME_MS);
  await host.fakes.hypervisor.startDomain(GUEST_UUID);
  expect(await due()).toEqual([]);
  host.fakes.hypervisor.domains.clear();
  expect(await due()).toEqual([]);
});

it('names none of another host of the same store', async () => {
  await host.fakes.clock.sleep(TIME_MS);
  const other = makeShelfHost({ hostName: 'host-b', storage: host.storage, settings: { shelvedOffloadTimeMs: 1 } });
  await other.fakes.clock.sleep(TIME_MS);
  expect(await listDueOffloads(other.core)).toEqual([]);
  other.dispose();
});

it.each([null, 0])('names none, ever, with a time of %s', async (offloadTimeMs) => {
  host.dispose();
  await shelveWith(offloadTimeMs);
  await host.fakes.clock.sleep(10 * 365 * 86_400_000);
  expect(await host.storage.shelf.read(GUEST_UUID)).toMatchObject({ state: 'shelved' });
  expect(await due()).toEqual([]);
});

it('tells that libvirt cannot say whether it is off', async () => {
  await host.fakes.clock.sleep(TIME_MS);
  host.hypervisor.failOn('getDomain', new DarkroomError('LIBVIRT_UNREACHABLE', 'it is away'));
  await expectFailure(due(), 'LIBVIRT_UNREACHABLE');
});
