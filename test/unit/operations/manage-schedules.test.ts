import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Role } from '../../../src/model/access.ts';
import type { BackupSchedule, ScheduleRun } from '../../../src/model/backup/schedule.ts';
import type { CreateScheduleRequest } from '../../../src/model/requests.ts';
import {
  createSchedule,
  deleteSchedule,
  listScheduleRuns,
  listSchedules,
  pauseSchedule,
  runSchedule,
  showSchedule,
} from '../../../src/operations/manage-schedules.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { domainXml } from '../../support/access-world.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-host.ts';
import { createFakeHypervisor, type FakeHypervisor } from '../../support/fake-hypervisor.ts';
import { createFakeImageStore, type FakeImageStore } from '../../support/fake-image-store.ts';
import { createFakeShelf } from '../../support/fake-shelf.ts';
import { createImageCore } from '../../support/image-core.ts';
import { makeShelved } from '../../support/sample-shelf.ts';

const ID = {
  web: '00000002-0000-4000-8000-000000000001',
  anns: '00000002-0000-4000-8000-000000000002',
  bobs: '00000002-0000-4000-8000-000000000003',
  away: '00000003-0000-4000-8000-000000000001',
  elsewhere: '00000003-0000-4000-8000-000000000002',
} as const;

const START = '2026-01-01T00:00:00.000Z';

let core: Core;
let hypervisor: FakeHypervisor;
let clock: FakeClock;
let store: FakeImageStore;

beforeEach(async () => {
  [hypervisor, clock, store] = [createFakeHypervisor(), createFakeClock(), createFakeImageStore()];
  const shelf = createFakeShelf();
  hypervisor.put(domainXml('web', ID.web, null), { powerState: 'running' });
  hypervisor.put(domainXml('anns', ID.anns, 'ann'), { powerState: 'running' });
  hypervisor.put(domainXml('bobs', ID.bobs, 'bob'));
  await shelf.write(makeShelved(ID.away, { name: 'away', host: 'host-a' }));
  await shelf.write(makeShelved(ID.elsewhere, { name: 'elsewhere', host: 'host-b' }));
  core = createImageCore({ hypervisor, shelf, clock, store });
});

afterEach(() => store.dispose());

function as(name: string, role: Role): Core {
  return { ...core, caller: { name, role, isTrustedWithPaths: false } };
}

function request(changes: Partial<CreateScheduleRequest> = {}): CreateScheduleRequest {
  return {
    selector: { kind: 'instance', instance: 'web' },
    cron: '15 3 * * *',
    timezone: 'Europe/Berlin',
    backupType: 'daily',
    retention: { kind: 'rotation', count: 7 },
    consistency: 'auto',
    policy: { consistency: 'quiesced', maxAgeMs: 93_600_000 },
    jitterMs: 300_000,
    bootEvery: 7,
    ...changes,
  };
}

const namesOf = (runs: readonly ScheduleRun[]): readonly string[] => runs.map(({ instanceName }) => instanceName);

/** One whose id a test knows. */
async function addSchedule(id: string, changes: Partial<BackupSchedule> = {}): Promise<void> {
  await core.schedules.add({ ...(await createSchedule(core, request())), id, ...changes });
}

describe('a new schedule', () => {
  it('keeps the id of its instance, its owner, and since when it counts', async () => {
    const schedule = await createSchedule(as('ann', 'operator'), request());
    const { selector, ...others } = request();
    expect(schedule).toEqual({
      ...others,
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      selector: { kind: 'instance', instanceId: ID.web },
      isPaused: false,
      ...{ owner: 'ann', role: 'operator', createdAt: START, handledUntil: START },
    });
    expect(await showSchedule(core, schedule.id)).toEqual(schedule);
  });

  it.each(['away', ID.away, ID.away.toUpperCase()])('may be for a shelved instance, called %s', async (instance) => {
    const { selector } = await createSchedule(core, request({ selector: { kind: 'instance', instance } }));
    expect(selector).toEqual({ kind: 'instance', instanceId: ID.away });
  });

  it.each(['nothing', 'bobs', ID.bobs])(
    'is refused for an instance that its owner does not see: %s',
    async (instance) => {
      const refused = createSchedule(as('ann', 'operator'), request({ selector: { kind: 'instance', instance } }));
      await expectFailure(refused, 'INSTANCE_NOT_FOUND');
      expect(await listSchedules(core)).toEqual([]);
    },
  );

  it('may be for all instances or for a label, for which there need be none yet', async () => {
    const label = { kind: 'label', key: 'tier', value: 'gold' } as const;
    for (const selector of [{ kind: 'all' } as const, label]) {
      expect((await createSchedule(as('ann', 'operator'), request({ selector }))).selector).toEqual(selector);
    }
  });

  it.each<Partial<CreateScheduleRequest>>([
    { cron: '15 3 * *' },
    { cron: '0 0 31 2 *' },
    { timezone: 'Mars/Olympus' },
    { backupType: 'no such/type' },
    { retention: { kind: 'rotation', count: -1 } },
    { jitterMs: -1 },
    { policy: { consistency: 'crash', maxAgeMs: 59_999 } },
  ])('is refused as %j', async (changes) => {
    await expectFailure(createSchedule(core, request(changes)), 'INVALID_REQUEST');
    expect(await listSchedules(core)).toEqual([]);
  });
});

describe('who may do what', () => {
  it('shows schedules to their owner and to admins', async () => {
    const anns = await createSchedule(as('ann', 'operator'), request());
    const roots = await createSchedule(core, request());
    expect(await listSchedules(core)).toHaveLength(2);
    expect(await listSchedules(as('ann', 'reader'))).toEqual([anns]);
    expect(await listSchedules(as('bob', 'operator'))).toEqual([]);
    for (const hidden of [showSchedule, deleteSchedule, runSchedule])
      await expectFailure(hidden(as('ann', 'operator'), roots.id), 'SCHEDULE_NOT_FOUND');
    await expectFailure(pauseSchedule(as('ann', 'operator'), roots.id, { isPaused: true }), 'SCHEDULE_NOT_FOUND');
    await expectFailure(listScheduleRuns(as('ann', 'operator'), roots.id, { limit: 1 }), 'SCHEDULE_NOT_FOUND');
    expect(await listSchedules(core)).toHaveLength(2);
  });

  it('lets readers look and no more', async () => {
    const { id } = await createSchedule(as('ann', 'operator'), request());
    const reader = as('ann', 'reader');
    await expectFailure(createSchedule(reader, request()), 'FORBIDDEN');
    await expectFailure(deleteSchedule(reader, id), 'FORBIDDEN');
    await expectFailure(pauseSchedule(reader, id, { isPaused: true }), 'FORBIDDEN');
    await expectFailure(runSchedule(reader, id), 'FORBIDDEN');
    expect(await listScheduleRuns(reader, id, { limit: 10 })).toEqual([]);
  });
});

describe('a reference', () => {
  beforeEach(async () => {
    await addSchedule('aaaa1111-0000-4000-8000-000000000000', { owner: 'ann' });
    await addSchedule('aaaa2222-0000-4000-8000-000000000000', { owner: 'bob' });
  });

  it.each(['aaaa1', 'AAAA1', 'aaaa1111-0000-4000-8000-000000000000'])('may be %s', async (reference) => {
    expect((await showSchedule(core, reference)).owner).toBe('ann');
  });

  it('is ambiguous only among those that the caller sees', async () => {
    const error = await expectFailure(showSchedule(core, 'aaaa'), 'AMBIGUOUS_NAME');
    expect(error.message).toContain('aaaa1111-0000-4000-8000-000000000000, aaaa2222-0000-4000-8000-000000000000');
    expect((await showSchedule(as('bob', 'operator'), 'aaaa')).owner).toBe('bob');
  });

  it.each(['', 'aaa', 'aaaa3', 'aaa*', 'a1111'])('is not %j', async (reference) => {
    await expectFailure(showSchedule(core, reference), 'SCHEDULE_NOT_FOUND');
  });
});

describe('a pause', () => {
  it('lasts until it is resumed, and nothing of it is caught up', async () => {
    const { id } = await createSchedule(core, request());
    expect(await pauseSchedule(core, id, { isPaused: true })).toMatchObject({ isPaused: true, handledUntil: START });
    await clock.sleep(86_400_000);
    const handledUntil = '2026-01-02T00:00:00.000Z';
    expect(await pauseSchedule(core, id, { isPaused: false })).toMatchObject({ isPaused: false, handledUntil });
    expect(await listScheduleRuns(core, id, { limit: 10 })).toEqual([]);
  });

  it('that was none takes nothing back of what is due', async () => {
    const { id } = await createSchedule(core, request());
    await clock.sleep(86_400_000);
    expect(await pauseSchedule(core, id, { isPaused: false })).toMatchObject({ isPaused: false, handledUntil: START });
  });

  it('of a schedule that is deleted in the same moment finds none', async () => {
    const { id } = await createSchedule(core, request());
    const schedules = { ...core.schedules, setPaused: async () => null };
    await expectFailure(pauseSchedule({ ...core, schedules }, id, { isPaused: true }), 'SCHEDULE_NOT_FOUND');
  });
});

describe('a run that is asked for', () => {
  it('waits to be begun now, and leaves what is due as it was', async () => {
    const schedule = await createSchedule(core, request());
    await clock.sleep(60_000);
    const now = '2026-01-01T00:01:00.000Z';
    const [run, ...others] = await runSchedule(core, schedule.id);
    expect(others).toEqual([]);
    expect(run).toMatchObject({ instanceId: ID.web, instanceName: 'web', status: 'waiting', attempts: 0 });
    expect(run).toMatchObject({ scheduleId: schedule.id, dueAt: now, startAt: now, endedAt: null });
    expect(await listScheduleRuns(core, schedule.id, { limit: 10 })).toEqual([run]);
    expect(await showSchedule(core, schedule.id)).toEqual(schedule);
  });

  it('is one for each instance of this host that the owner sees, shelved ones too', async () => {
    const { id } = await createSchedule(as('ann', 'operator'), request({ selector: { kind: 'all' } }));
    expect(namesOf(await runSchedule(core, id))).toEqual(['anns', 'away', 'web']);
  });

  it('of an instance that another host shelved is made if the schedule is for just that one', async () => {
    const selector = { kind: 'instance', instance: 'elsewhere' } as const;
    const { id } = await createSchedule(core, request({ selector }));
    expect(namesOf(await runSchedule(core, id))).toEqual(['elsewhere']);
  });

  it.each(['waiting', 'running', 'verifying'] as const)(
    'leaves out an instance whose last one is %s',
    async (status) => {
      const { id } = await createSchedule(as('ann', 'operator'), request({ selector: { kind: 'all' } }));
      const [first, second] = await runSchedule(core, id);
      if (first === undefined || second === undefined) throw new Error('there must be three runs');
      await core.schedules.saveRun({ ...first, status });
      await core.schedules.saveRun({ ...second, status: 'failed', endedAt: START });
      expect(namesOf(await runSchedule(core, id))).toEqual([second.instanceName]);
      await expectFailure(runSchedule(core, id), 'SCHEDULE_BUSY');
      expect(await listScheduleRuns(core, id, { limit: 10 })).toHaveLength(4);
    },
  );

  it('finds nothing to do where its instance is gone or there is none of its label', async () => {
    const one = await createSchedule(core, request());
    const label = await createSchedule(core, request({ selector: { kind: 'label', key: 'tier', value: 'gold' } }));
    hypervisor.domains.delete(ID.web);
    for (const { id } of [one, label]) await expectFailure(runSchedule(core, id), 'INSTANCE_NOT_FOUND');
    expect(await core.schedules.listRuns({})).toEqual([]);
  });

  it('is planned anew when somebody else changes the schedule meanwhile', async () => {
    const { id } = await createSchedule(core, request({ selector: { kind: 'all' } }));
    const book = core.schedules;
    let rivals = 1;
    const addRuns: typeof book.addRuns = async (schedule, change) => {
      if (rivals-- > 0) await book.addRuns(schedule, { ...change, handledUntil: '2026-01-01T12:00:00.000Z', runs: [] });
      return await book.addRuns(schedule, change);
    };
    const rival = { ...core, schedules: { ...book, addRuns } };
    expect(await runSchedule(rival, id)).toHaveLength(4);
    expect(await showSchedule(core, id)).toMatchObject({ handledUntil: '2026-01-01T12:00:00.000Z' });
  });

  it('is not made twice by two who ask at once', async () => {
    const { id } = await createSchedule(core, request());
    const asked = await Promise.allSettled([runSchedule(core, id), runSchedule(core, id)]);
    expect(asked.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await listScheduleRuns(core, id, { limit: 10 })).toHaveLength(1);
  });
});

it('deletes a schedule with its runs', async () => {
  const { id } = await createSchedule(core, request());
  await runSchedule(core, id);
  await deleteSchedule(core, id.slice(0, 8));
  await expectFailure(showSchedule(core, id), 'SCHEDULE_NOT_FOUND');
  expect(await core.schedules.listRuns({})).toEqual([]);
});
