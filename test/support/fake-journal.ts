import { DarkroomError } from '../../src/model/errors.ts';
import type { JournalledOperation, Operation, ProcessIdentity } from '../../src/model/operation.ts';
import type { Journal, LockHolder, LockTable } from '../../src/model/ports/journal.ts';

const KEPT_OPERATIONS = 1000;

export interface FakeJournal extends Journal {
  /** Every step that was entered, in order: `<operation id> <step>`. */
  readonly entered: readonly string[];
}

/** A journal in memory; what goes in and out is copied, as it is by a database. */
export function createFakeJournal(): FakeJournal {
  const entries = new Map<string, JournalledOperation>();
  const keys = new Map<string, { readonly id: string; readonly digest: string }>();
  let revision = 0;
  const entered: string[] = [];
  const read = (id: string): JournalledOperation => {
    const entry = entries.get(id);
    if (entry === undefined) throw new DarkroomError('OPERATION_NOT_FOUND', `There is no operation ${id}`);
    return structuredClone(entry);
  };
  const change = (id: string, changes: Partial<Operation>, rest: Partial<JournalledOperation> = {}): void => {
    const entry = read(id);
    entries.set(
      id,
      structuredClone({ ...entry, ...rest, revision: ++revision, operation: { ...entry.operation, ...changes } }),
    );
  };
  const newestFirst = (): JournalledOperation[] =>
    [...entries.values()].reverse().sort((a, b) => compare(b.operation.startedAt, a.operation.startedAt));
  const prune = (): void => {
    const settled = newestFirst().filter(({ operation, plan }) => operation.status !== 'running' && plan === null);
    for (const { operation } of settled.slice(KEPT_OPERATIONS)) entries.delete(operation.id);
  };
  return {
    entered,
    begin: async (operation, { idempotency, ...details }) => {
      if (entries.has(operation.id)) throw new DarkroomError('INTERNAL', `Operation ${operation.id} is there already`);
      entries.set(
        operation.id,
        structuredClone({ operation, ...details, isCancelRequested: false, revision: ++revision }),
      );
      if (idempotency !== undefined) {
        keys.set(`${operation.requestedBy} ${idempotency.key}`, { id: operation.id, digest: idempotency.digest });
      }
      prune();
    },
    enterStep: async (id, step, plan) => {
      change(id, { step }, { plan: plan ?? null });
      entered.push(`${id} ${step}`);
    },
    saveProgress: async (id, progress) => {
      if (entries.has(id)) change(id, { progress });
    },
    saveFacts: async (id, facts) => change(id, addFacts(read(id).operation, facts)),
    finish: async (id, outcome) => change(id, { ...outcome, ...addFacts(read(id).operation, outcome) }),
    adopt: async (id, { from, to }) => {
      const owner = entries.get(id)?.owner;
      if (owner === undefined || !isSameProcess(owner, from)) return false;
      change(id, {}, { owner: to });
      return true;
    },
    requestCancel: async (id) => {
      if (read(id).operation.status !== 'running') throw new DarkroomError('OPERATION_FINISHED', `${id} is over`);
      change(id, {}, { isCancelRequested: true });
    },
    read: async (id) => read(id),
    findByKey: async (requestedBy, key) => {
      const known = keys.get(`${requestedBy} ${key}`);
      return known === undefined ? null : { operation: read(known.id).operation, digest: known.digest };
    },
    listChanged: async (afterRevision, limit) =>
      [...entries.values()]
        .filter((entry) => entry.revision > afterRevision)
        .sort((left, right) => left.revision - right.revision)
        .slice(0, limit)
        .map((entry) => structuredClone(entry)),
    lastRevision: async () => revision,
    list: async (filter = {}) =>
      afterMarker(newestFirst(), filter.marker)
        .filter(({ operation }) => filter.kind === undefined || operation.kind === filter.kind)
        .filter(({ operation }) => filter.target === undefined || operation.target === filter.target)
        .filter(({ operation }) => filter.requestedBy === undefined || operation.requestedBy === filter.requestedBy)
        .filter(({ operation }) => filter.status === undefined || operation.status === filter.status)
        .filter(({ plan }) => filter.isUnsettled !== true || plan !== null)
        .slice(0, filter.limit)
        .map((entry) => structuredClone(entry)),
  };
}

function afterMarker(entries: readonly JournalledOperation[], marker: string | undefined): JournalledOperation[] {
  if (marker === undefined) return [...entries];
  const at = entries.findIndex(({ operation }) => operation.id === marker);
  if (at === -1) throw new DarkroomError('OPERATION_NOT_FOUND', `There is no operation ${marker}`);
  return entries.slice(at + 1);
}

/** Locks in memory; `isAlive` decides whose still count. */
export function createFakeLocks(isAlive: (identity: ProcessIdentity) => boolean = () => true): LockTable {
  const holders = new Map<string, LockHolder>();
  return {
    tryAcquire: async (keys, claim) => {
      for (const key of keys) {
        const holder = holders.get(key);
        if (holder !== undefined && holder.operationId !== claim.operationId && isAlive(holder.owner)) return holder;
      }
      for (const key of keys) holders.set(key, { key, ...claim });
      return null;
    },
    release: async (operationId) => {
      for (const [key, holder] of holders) if (holder.operationId === operationId) holders.delete(key);
    },
    list: async () =>
      [...holders.values()].filter((holder) => isAlive(holder.owner)).sort((a, b) => compare(a.key, b.key)),
  };
}

type Facts = Pick<Operation, 'timings' | 'result' | 'warnings'>;

function addFacts(known: Facts, added: Partial<Facts>): Facts {
  return {
    timings: { ...known.timings, ...added.timings },
    result: { ...known.result, ...added.result },
    warnings: [...new Set([...known.warnings, ...(added.warnings ?? [])])],
  };
}

function isSameProcess(left: ProcessIdentity, right: ProcessIdentity): boolean {
  return left.pid === right.pid && left.startTicks === right.startTicks && left.bootId === right.bootId;
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
