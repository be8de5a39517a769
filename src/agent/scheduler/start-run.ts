import { nameBackup } from '../../model/backup/due.ts';
import { planWait } from '../../model/backup/retry.ts';
import { DarkroomError, hasCode, toDarkroomError } from '../../model/errors.ts';
import type { Operation } from '../../model/operation.ts';
import type { CreateBackupRequest } from '../../model/requests.ts';
import { describeRun, type OpenRun, ownerOf, type SchedulerContext } from './context.ts';
import { endRun, failTry } from './end-run.ts';

/** Since when runs wait for somebody who works on their instances; a new agent begins to count anew. */
export type BusySince = Map<string, Date>;

/** Begins a backup that was waited for; true when it runs. */
export async function startRun(context: SchedulerContext, open: OpenRun, busySince: BusySince): Promise<boolean> {
  const { run } = open;
  const attempts = run.attempts + 1;
  const operation = await submit(context, open, attempts).catch((error: unknown) => toDarkroomError(error));
  if (operation instanceof DarkroomError) {
    await refuse(context, open, { error: operation, busySince });
    return false;
  }
  busySince.delete(run.id);
  await context.book.saveRun({ ...run, status: 'running', attempts, operationId: operation.id, reason: null });
  context.log.info({ ...describeRun(open), attempts, operationId: operation.id }, 'a backup of a schedule begins');
  return true;
}

/** Killed before it is on record with the run: the next try finds the same operation by its key. */
async function submit({ as }: SchedulerContext, open: OpenRun, attempt: number): Promise<Operation> {
  const idempotencyKey = `schedule:${open.run.id}:${attempt}`;
  return await as(ownerOf(open.schedule)).operations.submit(makeRequest(open), { idempotencyKey });
}

function makeRequest({ schedule, run }: OpenRun): CreateBackupRequest {
  const { backupType, retention, consistency } = schedule;
  return {
    kind: 'backup.create',
    instance: run.instanceId,
    name: nameBackup(run, backupType),
    consistency,
    description: null,
    properties: {},
    backupType,
    retention,
  };
}

async function refuse(
  context: SchedulerContext,
  open: OpenRun,
  { error, busySince }: { readonly error: DarkroomError; readonly busySince: BusySince },
): Promise<void> {
  const { schedule, run } = open;
  const { code, message } = error;
  const reason = { code, message };
  if (hasCode(error, 'INSTANCE_BUSY', 'IMAGE_BUSY', 'TOO_MANY_REQUESTS')) {
    await putOff(context, { schedule, run: { ...run, reason } }, busySince);
    return;
  }
  busySince.delete(run.id);
  if (hasCode(error, 'INSTANCE_STATE', 'INSTANCE_NOT_FOUND')) {
    await endRun(context, open, { status: 'skipped', reason });
    return;
  }
  await failTry(context, { schedule, run: { ...run, attempts: run.attempts + 1, operationId: null } }, reason);
}

async function putOff(context: SchedulerContext, open: OpenRun, busySince: BusySince): Promise<void> {
  const { run } = open;
  const now = context.clock.now();
  const since = busySince.get(run.id) ?? now;
  const startAt = planWait({ busySince: since, now });
  if (startAt === null) {
    busySince.delete(run.id);
    await endRun(context, open, { status: 'failed', reason: run.reason });
    return;
  }
  busySince.set(run.id, since);
  await context.book.saveRun({ ...run, startAt: startAt.toISOString() });
}
