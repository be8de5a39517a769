import { describe, expect, it } from 'vitest';
import type {
  OffloadInstanceRequest,
  ShelveInstanceRequest,
  UnshelveInstanceRequest,
} from '../../../src/model/requests.ts';
import { offloadInstance } from '../../../src/operations/offload-instance.ts';
import { RECOVERY } from '../../../src/operations/recovery-table.ts';
import { shelveInstance } from '../../../src/operations/shelve-instance.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { unshelveInstance } from '../../../src/operations/unshelve-instance.ts';
import { runToEnd } from '../../support/image-core.ts';
import { createGate, isChange, type Mishap, type PortCall } from '../../support/mishaps.ts';
import {
  GUEST_UUID,
  isWhole,
  lookAt,
  makeShelfHost,
  OFFLOAD_REQUEST,
  putGuest,
  type ShelfHost,
  separateStore,
  shelveRequest,
  unshelveRequest,
} from '../../support/shelf-host.ts';

interface Scenario {
  readonly title: string;
  readonly request: ShelveInstanceRequest | OffloadInstanceRequest | UnshelveInstanceRequest;
  /** Folder of its disks. */
  readonly folder?: string;
  prepare(host: ShelfHost): Promise<unknown>;
  /** The call after which it is not undone any more, but completed. */
  isTurn(call: PortCall): boolean;
}

const isUndefine = ({ method, args }: PortCall): boolean => method === 'enterStep' && args[1] === 'undefine';
const isCompletion = ({ method, args }: PortCall): boolean => method === 'enterStep' && args[1] === 'complete';
/** Of these what counts is that they failed: a lost answer changes nothing. */
const COMMON: ReadonlySet<string> = new Set(['files', 'journal']);
/** Said as a warning, and no reason to keep the machine. */
const FORGIVEN: ReadonlySet<string> = new Set(['listReservations']);
const folder = `instances/${GUEST_UUID}`;

async function shelved(host: ShelfHost, changes: Partial<ShelveInstanceRequest> = {}): Promise<void> {
  const { status, error } = await runToEnd(host.core, shelveInstance, shelveRequest(changes));
  if (status !== 'succeeded') throw new Error(`the shelve before it ended as ${status}: ${error?.message}`);
}

const scenarios: readonly Scenario[] = [
  {
    title: 'a shelve that moves the disks',
    request: shelveRequest(),
    prepare: (host) => putGuest(host),
    isTurn: isUndefine,
  },
  {
    title: 'a shelve that copies the disks',
    request: shelveRequest(),
    prepare: async (host) => {
      await putGuest(host, { isChained: true, powerState: 'paused' });
      separateStore(host);
    },
    isTurn: isUndefine,
  },
  {
    title: 'a shelve that sends a disk to a store elsewhere from where it lies',
    request: shelveRequest(),
    prepare: async (host) => {
      await putGuest(host);
      Object.assign(host.storage.store, { keepsFilesHere: false });
    },
    isTurn: isUndefine,
  },
  {
    title: 'a shelve of a launched instance',
    request: shelveRequest(),
    folder,
    prepare: (host) => putGuest(host, { isLaunched: true }),
    isTurn: isUndefine,
  },
  {
    title: 'a shelve with the memory',
    request: shelveRequest({ keepsMemory: true }),
    prepare: (host) => putGuest(host),
    isTurn: isUndefine,
  },
  {
    title: 'a shelve that leaves the disks on the host',
    request: shelveRequest({ isOffloaded: false }),
    prepare: (host) => putGuest(host),
    isTurn: ({ method, args }) => method === 'enterStep' && args[1] === 'shelved',
  },
  {
    title: 'a shelve that leaves the disks on the host beside a copy',
    request: shelveRequest({ isOffloaded: false }),
    prepare: async (host) => {
      await putGuest(host);
      separateStore(host);
    },
    isTurn: ({ method, args }) => method === 'enterStep' && args[1] === 'shelved',
  },
  {
    title: 'an offload that moves the disks',
    request: OFFLOAD_REQUEST,
    prepare: async (host) => {
      await putGuest(host);
      await shelved(host, { isOffloaded: false });
    },
    isTurn: isUndefine,
  },
  {
    title: 'an offload of what was copied',
    request: OFFLOAD_REQUEST,
    prepare: async (host) => {
      await putGuest(host);
      separateStore(host);
      await shelved(host, { isOffloaded: false });
    },
    isTurn: isUndefine,
  },
  {
    title: 'an unshelve that moves the disks',
    request: unshelveRequest(),
    prepare: async (host) => {
      await putGuest(host);
      await shelved(host);
    },
    isTurn: isCompletion,
  },
  {
    title: 'an unshelve that copies the disks',
    request: unshelveRequest(),
    prepare: async (host) => {
      await putGuest(host, { isChained: true, powerState: 'paused' });
      await shelved(host);
      host.fakes.files.canLink = false;
    },
    isTurn: isCompletion,
  },
  {
    title: 'an unshelve that fetches a disk from a store elsewhere to where it shall lie',
    request: unshelveRequest(),
    prepare: async (host) => {
      await putGuest(host);
      Object.assign(host.storage.store, { keepsFilesHere: false });
      host.core = host.process(1000);
      await shelved(host);
    },
    isTurn: isCompletion,
  },
  {
    title: 'an unshelve of a launched instance',
    request: unshelveRequest(),
    folder,
    prepare: async (host) => {
      await putGuest(host, { isLaunched: true });
      await shelved(host);
    },
    isTurn: isCompletion,
  },
  {
    title: 'an unshelve with the memory',
    request: unshelveRequest(),
    prepare: async (host) => {
      await putGuest(host);
      await shelved(host, { keepsMemory: true });
    },
    isTurn: isCompletion,
  },
  {
    title: 'an unshelve in place',
    request: unshelveRequest(),
    prepare: async (host) => {
      await putGuest(host);
      await shelved(host, { isOffloaded: false });
    },
    isTurn: ({ method }) => method === 'startDomain',
  },
];

function run(core: Core, request: Scenario['request']) {
  switch (request.kind) {
    case 'instance.shelve':
      return runToEnd(core, shelveInstance, request);
    case 'instance.offload':
      return runToEnd(core, offloadInstance, request);
    case 'instance.unshelve':
      return runToEnd(core, unshelveInstance, request);
  }
}

/** What it looks like before and after, and every call in between. */
async function rehearse(scenario: Scenario) {
  const host = makeShelfHost();
  try {
    await scenario.prepare(host);
    const before = await lookAt(host);
    const gate = createGate(null);
    const { status, error } = await run(host.process(1000, gate), scenario.request);
    if (status !== 'succeeded') throw new Error(`${scenario.title} ended as ${status}: ${error?.message}`);
    const turn = gate.calls.findIndex(scenario.isTurn);
    if (turn < 0) throw new Error(`${scenario.title} never came to its turn`);
    return { before, after: await lookAt(host), calls: gate.calls, turn };
  } finally {
    host.dispose();
  }
}

/** One call goes wrong; what a death or a failure leaves unsettled, another process recovers. */
async function play(scenario: Scenario, trip: { readonly at: number; readonly mishap: Mishap }) {
  const host = makeShelfHost();
  try {
    await scenario.prepare(host);
    let losses = 0;
    let mayHaveChanged = true;
    const gate = createGate(trip, (call) => {
      if (mayHaveChanged && !isWhole(host, scenario.folder)) losses += 1;
      mayHaveChanged = isChange(call);
    });
    const ended = await run(host.process(1000, gate), scenario.request).catch(() => null);
    const status = ended?.status ?? 'refused';
    const isLeft = trip.mishap === 'death' || (await lookAt(host)).unsettled > 0;
    if (isLeft) await recoverOperations(host.process(2000), RECOVERY);
    return {
      status,
      world: await lookAt(host),
      momentsWithoutACopy: losses + (isWhole(host, scenario.folder) ? 0 : 1),
    };
  } finally {
    host.dispose();
  }
}

for (const scenario of scenarios) {
  const { before, after, calls, turn } = await rehearse(scenario);
  const points = calls.map((call, at) => ({ ...call, at, what: `${call.port}.${call.method} (call ${at})` }));
  const changes = points.filter(isChange);
  const answered = changes.filter(({ port }) => !COMMON.has(port));

  /** Past its turn all is done, and whoever is told of success can rely on that; before, nothing is. */
  const expected = (status: string, isPastTurn: boolean) => (status === 'succeeded' || isPastTurn ? after : before);

  describe(`${scenario.title} is undone or completed`, () => {
    it.each(points.filter(({ method }) => !FORGIVEN.has(method)))('when $what fails', async ({ at }) => {
      const { status, world, momentsWithoutACopy } = await play(scenario, { at, mishap: 'fails' });
      expect(world).toEqual(expected(status, at > turn));
      expect(status === 'succeeded' && at <= turn).toBe(false);
      expect(momentsWithoutACopy).toBe(0);
    });

    it.each(answered)('when the answer to $what is lost', async ({ at }) => {
      const { status, world, momentsWithoutACopy } = await play(scenario, { at, mishap: 'answer lost' });
      expect(world).toEqual(expected(status, at > turn || (at === turn && status === 'interrupted')));
      expect(momentsWithoutACopy).toBe(0);
    });

    it.each(changes)('when its process dies after $what', async ({ at }) => {
      const { world, momentsWithoutACopy } = await play(scenario, { at, mishap: 'death' });
      expect(world).toEqual(at >= turn ? after : before);
      expect(momentsWithoutACopy).toBe(0);
    });
  });
}
