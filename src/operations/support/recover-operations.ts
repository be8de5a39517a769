import { mapConcurrently } from '../../lib/async.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { JournalledOperation, OperationKind, ProcessIdentity } from '../../model/operation.ts';
import type { Core } from './context.ts';
import type { Recover } from './use-case.ts';

export type RecoveryTable = Readonly<Partial<Record<OperationKind, Recover>>>;

/** A guest that was asked to shut down is waited for: four of them must not keep an agent from its start four times as long. */
const AT_ONCE = 4;

/**
 * Puts right what operations left behind: those of dead processes unless told otherwise. What was done to the same thing is put
 * right in that order; different things side by side. One that cannot be mended now stops no other.
 */
export async function recoverOperations(
  core: Core,
  table: RecoveryTable,
  abandoned?: readonly JournalledOperation[],
): Promise<void> {
  const left = abandoned ?? (await findDeadOperations(core));
  await mapConcurrently([...groupByTarget(left).values()], AT_ONCE, async (entries) => {
    for (const entry of entries) await recoverOperation(core, table, entry);
  });
}

function groupByTarget(entries: readonly JournalledOperation[]): ReadonlyMap<string, readonly JournalledOperation[]> {
  const groups = new Map<string, JournalledOperation[]>();
  for (const entry of entries) {
    const { target } = entry.operation;
    groups.set(target, [...(groups.get(target) ?? []), entry]);
  }
  return groups;
}

/**
 * Operations whose process is gone, and those of this process that are not put right and do not go on; oldest first. Which
 * go on is asked after the journal was read: one that is on record by then is known by then.
 */
export async function findAbandoned(
  core: Core,
  runner: { readonly runningIds: readonly string[] },
): Promise<JournalledOperation[]> {
  const isOurs = ({ pid, startTicks, bootId }: ProcessIdentity): boolean => {
    const { self } = core.processes;
    return pid === self.pid && startTicks === self.startTicks && bootId === self.bootId;
  };
  return await findUnsettled(
    core,
    ({ owner, operation }) =>
      !core.processes.isAlive(owner) || (isOurs(owner) && !runner.runningIds.includes(operation.id)),
  );
}

/** Operations whose process is gone and that are unfinished, or not put right yet; oldest first. */
export async function findDeadOperations(core: Core): Promise<JournalledOperation[]> {
  return await findUnsettled(core, ({ owner }) => !core.processes.isAlive(owner));
}

async function findUnsettled(
  core: Core,
  isAbandoned: (entry: JournalledOperation) => boolean,
): Promise<JournalledOperation[]> {
  const running = await core.journal.list({ status: 'running' });
  const unsettled = await core.journal.list({ isUnsettled: true });
  const known = new Map([...running, ...unsettled].map((entry) => [entry.operation.id, entry]));
  const dead = [...known.values()].filter(isAbandoned);
  return dead.sort((left, right) => left.operation.startedAt.localeCompare(right.operation.startedAt));
}

async function recoverOperation(core: Core, table: RecoveryTable, entry: JournalledOperation): Promise<void> {
  const { operation } = entry;
  const log = core.log.child({ operationId: operation.id, kind: operation.kind });
  const isOurs = await core.journal.adopt(operation.id, { from: entry.owner, to: core.processes.self });
  if (!isOurs) return;
  try {
    const recover = table[operation.kind];
    const notes = entry.plan === null || recover === undefined ? [] : await recover({ ...core, log }, entry);
    await core.journal.enterStep(operation.id, 'recovered', null);
    await finishRecovered(core, entry, notes);
    log.info({ step: operation.step }, 'an interrupted operation was put right');
  } catch (error) {
    log.error({ step: operation.step, error: String(error) }, 'an interrupted operation could not be put right yet');
  } finally {
    await core.locks.release(operation.id);
  }
}

async function finishRecovered(core: Core, entry: JournalledOperation, notes: readonly string[]): Promise<void> {
  const { operation } = entry;
  const warnings = [...operation.warnings, ...notes];
  const interruption = new DarkroomError(
    'OPERATION_INTERRUPTED',
    `Its process ended during the step ${operation.step}; what it had begun was put right at the next start.`,
  );
  await core.journal.finish(operation.id, {
    status: operation.status === 'running' ? 'interrupted' : operation.status,
    endedAt: operation.endedAt ?? core.clock.now().toISOString(),
    error:
      operation.error ??
      (operation.status === 'succeeded' ? null : { code: interruption.code, message: interruption.message }),
    timings: operation.timings,
    result: operation.result,
    warnings,
  });
}
