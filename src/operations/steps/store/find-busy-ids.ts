import type { Core } from '../../support/context.ts';

const UUIDS = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/**
 * Every id that an operation of this host names, which goes on or is not put right yet: of what it works on, in its plan, in its
 * locks, and its own, that its temporary files bear. Rather too many than one too few.
 */
export async function findBusyIds({ journal, locks }: Core): Promise<ReadonlySet<string>> {
  const entries = [...(await journal.list({ status: 'running' })), ...(await journal.list({ isUnsettled: true }))];
  const holders = await locks.list();
  const words = [
    ...entries.map(({ operation, plan }) => JSON.stringify([operation.id, operation.target, operation.result, plan])),
    ...holders.map(({ key, operationId }) => `${key} ${operationId}`),
  ];
  return new Set(words.flatMap((text) => text.match(UUIDS) ?? []));
}

/** Whether anything in it is the name, or in the name, of something. */
export function isBusy(ids: ReadonlySet<string>, name: string): boolean {
  return (name.match(UUIDS) ?? []).some((id) => ids.has(id));
}
