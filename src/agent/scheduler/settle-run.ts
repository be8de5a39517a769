import { isBootTurn } from '../../model/backup/retry.ts';
import { DarkroomError, hasCode, toDarkroomError } from '../../model/errors.ts';
import type { Operation } from '../../model/operation.ts';
import type { VerifyImageRequest } from '../../model/requests.ts';
import { describeRun, type OpenRun, ownerOf, type SchedulerContext } from './context.ts';
import { endRun, failTry } from './end-run.ts';

const BOOT_TIMEOUT_MS = 300_000;
/** One that is interrupted again and again may be what interrupts. */
const MOST_ATTEMPTS = 8;
const LOST = { code: 'OPERATION_NOT_FOUND', message: 'What became of it is not on record.' };

/** Looks what became of the operation of a run, and goes on from there. */
export async function settleRun(context: SchedulerContext, open: OpenRun): Promise<void> {
  const operation = await findOperation(context, open);
  if (operation?.status === 'running') return;
  if (open.run.status === 'verifying') await settleBoot(context, open, operation);
  else await settleBackup(context, open, operation);
}

/** null: the journal that it was in is lost. */
async function findOperation(context: SchedulerContext, { schedule, run }: OpenRun): Promise<Operation | null> {
  if (run.operationId === null) return null;
  try {
    return await context.as(ownerOf(schedule)).operations.show(run.operationId);
  } catch (error) {
    if (hasCode(error, 'OPERATION_NOT_FOUND')) return null;
    throw error;
  }
}

async function settleBackup(context: SchedulerContext, open: OpenRun, operation: Operation | null): Promise<void> {
  if (operation === null) return await failTry(context, open, LOST);
  if (isCancelled(context, operation))
    return await endRun(context, open, { status: 'cancelled', reason: reasonOf(operation) });
  if (operation.status !== 'succeeded') return await failTry(context, open, reasonOf(operation));
  const { schedule, run } = open;
  const goodBackups = (await countGood(context, open)) + 1;
  const made = { schedule, run: { ...run, imageId: operation.result.imageId ?? null, reason: null, goodBackups } };
  if (isBootTurn(schedule.bootEvery, goodBackups)) await startBoot(context, made);
  else await endRun(context, made, { status: 'succeeded', reason: null });
}

/** Kept with the last one, because older ones are forgotten in time. */
async function countGood({ book }: SchedulerContext, { run }: OpenRun): Promise<number> {
  const { scheduleId, instanceId } = run;
  const [last] = await book.listRuns({ scheduleId, instanceId, statuses: ['succeeded'], limit: 1 });
  return last?.goodBackups ?? 0;
}

async function startBoot(context: SchedulerContext, open: OpenRun): Promise<void> {
  const { run } = open;
  if (run.imageId === null) return await endRun(context, open, { status: 'succeeded', reason: null });
  const operation = await submitBoot(context, open, run.imageId).catch((error: unknown) => toDarkroomError(error));
  // the next turn begins here again
  if (hasCode(operation, 'IMAGE_BUSY', 'TOO_MANY_REQUESTS')) return;
  // whoever took it away since then knows
  if (hasCode(operation, 'IMAGE_NOT_FOUND')) return await endRun(context, open, { status: 'succeeded', reason: null });
  if (operation instanceof DarkroomError) return await endUnbooted(context, open, operation);
  await context.book.saveRun({ ...run, status: 'verifying', operationId: operation.id });
  context.log.info({ ...describeRun(open), operationId: operation.id }, 'a backup of a schedule is booted');
}

/** The operation before is in the key: one that was begun already is found, and one that was interrupted is another. */
async function submitBoot({ as }: SchedulerContext, { schedule, run }: OpenRun, image: string): Promise<Operation> {
  const idempotencyKey = `schedule:${run.id}:boot:${run.operationId}`;
  return await as(ownerOf(schedule)).operations.submit(bootRequest(image), { idempotencyKey });
}

function bootRequest(image: string): VerifyImageRequest {
  return { kind: 'image.verify', image, isBooted: true, expect: null, timeoutMs: BOOT_TIMEOUT_MS };
}

async function settleBoot(context: SchedulerContext, open: OpenRun, operation: Operation | null): Promise<void> {
  const { schedule, run } = open;
  const attempts = run.attempts + 1;
  if (isLost(context, operation) && attempts <= MOST_ATTEMPTS)
    return await startBoot(context, { schedule, run: { ...run, attempts } });
  if (operation?.status === 'succeeded') return await endRun(context, open, { status: 'succeeded', reason: null });
  if (operation !== null && isCancelled(context, operation))
    return await endRun(context, open, { status: 'cancelled', reason: reasonOf(operation) });
  await endUnbooted(context, open, operation === null ? LOST : reasonOf(operation));
}

function isLost(context: SchedulerContext, operation: Operation | null): boolean {
  if (operation === null || operation.status === 'interrupted') return true;
  return operation.status === 'cancelled' && !isCancelled(context, operation);
}

/** Somebody did not want it any more. What ended before this agent began was stopped together with the agent before. */
function isCancelled({ startedAt }: SchedulerContext, { status, endedAt }: Operation): boolean {
  return status === 'cancelled' && endedAt !== null && new Date(endedAt) >= startedAt;
}

async function endUnbooted(
  context: SchedulerContext,
  open: OpenRun,
  { code, message }: { readonly code: string; readonly message: string },
): Promise<void> {
  const reason = {
    code: 'VERIFY_FAILED',
    message: `The backup ${open.run.imageId} is there, but could not be booted: ${code}: ${message}`,
  };
  await endRun(context, open, { status: 'failed', reason });
}

function reasonOf({ status, error }: Operation): { readonly code: string; readonly message: string } {
  if (error !== null) return error;
  return status === 'cancelled'
    ? { code: 'CANCELLED', message: 'It was cancelled.' }
    : { code: 'OPERATION_INTERRUPTED', message: 'Its process died.' };
}
