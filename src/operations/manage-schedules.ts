import { newUuid } from '../lib/uuid.ts';
import { type Caller, hasRole, isOwner } from '../model/access.ts';
import { type BackupSchedule, OPEN_RUN_STATUSES, type ScheduleRun } from '../model/backup/schedule.ts';
import { requireScheduleRequest } from '../model/backup/schedule-request-rules.ts';
import { DarkroomError } from '../model/errors.ts';
import type { CreateScheduleRequest } from '../model/requests.ts';
import { findSchedule, scheduleNotFound } from './steps/find-schedule.ts';
import { resolveSelector, type SelectedInstance, selectInstances } from './steps/select-instances.ts';
import type { Core } from './support/context.ts';

/** How often something is tried again that another process came between. */
const TRIES = 5;

export async function listSchedules(core: Core): Promise<readonly BackupSchedule[]> {
  return (await core.schedules.list()).filter((schedule) => isOwner(core.caller, schedule));
}

export async function showSchedule(core: Core, reference: string): Promise<BackupSchedule> {
  return await findSchedule(core, reference);
}

export async function createSchedule(core: Core, request: CreateScheduleRequest): Promise<BackupSchedule> {
  requireOperator(core);
  const now = core.clock.now();
  requireScheduleRequest(request, now);
  const { name: owner, role } = core.caller;
  const schedule: BackupSchedule = {
    ...request,
    id: newUuid(),
    selector: await resolveSelector(core, request.selector),
    isPaused: false,
    owner,
    role,
    createdAt: now.toISOString(),
    handledUntil: now.toISOString(),
  };
  await core.schedules.add(schedule);
  return schedule;
}

export async function deleteSchedule(core: Core, reference: string): Promise<void> {
  requireOperator(core);
  await core.schedules.remove((await findSchedule(core, reference)).id);
}

/** What was missed meanwhile is not caught up afterwards, whether an agent ran or not. */
export async function pauseSchedule(
  core: Core,
  reference: string,
  { isPaused }: { readonly isPaused: boolean },
): Promise<BackupSchedule> {
  requireOperator(core);
  const schedule = await findSchedule(core, reference);
  if (schedule.isPaused === isPaused) return schedule;
  if (!isPaused) await forgetMissed(core, schedule);
  const changed = await core.schedules.setPaused(schedule.id, isPaused);
  if (changed === null) throw scheduleNotFound(schedule.id);
  return changed;
}

/** One waiting run for each instance that has none; of a paused schedule too, since somebody asks for it. */
export async function runSchedule(core: Core, reference: string): Promise<readonly ScheduleRun[]> {
  requireOperator(core);
  const { id } = await findSchedule(core, reference);
  for (let tries = 1; tries <= TRIES; tries++) {
    const schedule = await findSchedule(core, id);
    const runs = await planRuns(core, schedule);
    const { handledUntil } = schedule;
    if (await core.schedules.addRuns(id, { expected: handledUntil, handledUntil, runs })) return runs;
  }
  throw busy(id, 'Others change it all the time');
}

export async function listScheduleRuns(
  core: Core,
  reference: string,
  { limit }: { readonly limit: number },
): Promise<readonly ScheduleRun[]> {
  const { id } = await findSchedule(core, reference);
  return await core.schedules.listRuns({ scheduleId: id, limit });
}

async function forgetMissed(core: Core, { id, handledUntil }: BackupSchedule): Promise<void> {
  const now = core.clock.now().toISOString();
  // false: an agent has just noted the same, or it is gone, which the next step finds out
  await core.schedules.addRuns(id, { expected: handledUntil, handledUntil: now, runs: [] });
}

async function planRuns(core: Core, schedule: BackupSchedule): Promise<readonly ScheduleRun[]> {
  const selected = await selectInstances({ ...core, caller: ownerOf(schedule) }, schedule.selector);
  if (selected.length === 0) throw nothingSelected(schedule);
  const open = await core.schedules.listRuns({ scheduleId: schedule.id, statuses: OPEN_RUN_STATUSES });
  const free = selected.filter(({ id }) => !open.some(({ instanceId }) => instanceId === id));
  if (free.length === 0) throw busy(schedule.id, 'A run of it waits or goes on for each of its instances');
  const now = core.clock.now().toISOString();
  return free.map((instance) => newRun(schedule, instance, now));
}

/** It runs as whoever made it, whoever asks for a run. */
function ownerOf({ owner, role }: BackupSchedule): Caller {
  return { name: owner, role, isTrustedWithPaths: false };
}

function newRun({ id: scheduleId }: BackupSchedule, instance: SelectedInstance, now: string): ScheduleRun {
  return {
    id: newUuid(),
    scheduleId,
    instanceId: instance.id,
    instanceName: instance.name,
    dueAt: now,
    status: 'waiting',
    startAt: now,
    attempts: 0,
    operationId: null,
    imageId: null,
    reason: null,
    endedAt: null,
  };
}

/** Here as well as at the edge: what a schedule does later, it does with the role of its owner and past every edge. */
function requireOperator({ caller }: Core): void {
  if (hasRole(caller, 'operator')) return;
  throw new DarkroomError('FORBIDDEN', `${caller.name} has the role ${caller.role}, and may look at schedules only.`, {
    fields: { principal: caller.name, role: caller.role },
  });
}

function nothingSelected({ id, selector }: BackupSchedule): DarkroomError {
  const what = {
    instance: 'The instance that it is for is gone',
    all: 'There is no instance on this host',
    label: 'No instance of this host carries the label that it is for',
  }[selector.kind];
  return new DarkroomError('INSTANCE_NOT_FOUND', `The schedule ${id} has nothing to back up: ${what}.`, {
    fields: { scheduleId: id },
  });
}

function busy(id: string, why: string): DarkroomError {
  return new DarkroomError(
    'SCHEDULE_BUSY',
    `The schedule ${id} cannot be run now: ${why}. darkroom backup schedule show ${id} shows its runs.`,
    { fields: { scheduleId: id } },
  );
}
