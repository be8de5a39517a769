import { isInside } from '../../../model/domain-xml/host-paths.ts';
import { hasCode } from '../../../model/errors.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { ShelvePlan } from '../../shelve-plan.ts';
import type { OperationContext } from '../../support/context.ts';
import { leaveHost } from './leave-host.ts';

/**
 * Takes a machine whose image, or draft of it, is complete from its host. The record is durable before the domain is undefined: from
 * there on recovery finishes what was begun.
 */
export async function undefineShelved(
  context: OperationContext,
  work: { readonly plan: ShelvePlan; readonly record: ShelvedInstance; readonly held: AsyncDisposable },
): Promise<ShelvedInstance> {
  const { plan, record, held } = work;
  const offloading = { ...record, state: 'offloading' } as const;
  await context.shelf.write(offloading);
  await context.operation.enter('undefine', plan);
  try {
    await context.hypervisor.undefineDomain(plan.instanceId, { nvram: 'remove', tpm: 'remove' });
  } catch (error) {
    if (!hasCode(error, 'INSTANCE_NOT_FOUND')) throw error;
  }
  // nobody can start it any more
  await held[Symbol.asyncDispose]();
  await context.operation.enter('leave host', plan);
  const offloaded = await leaveHost(context, offloading);
  warnOfBases(context, record);
  return offloaded;
}

/** Images of the store stay anyway. */
function warnOfBases({ operation, store }: OperationContext, record: ShelvedInstance): void {
  const bases = record.disks
    .flatMap(({ basePath }) => basePath ?? [])
    .filter((base) => !isInside(base, store.rootPath));
  if (bases.length === 0) return;
  operation.warn(
    `Kept, because others may stand on them too: ${[...new Set(bases)].join(', ')}. It comes back without them.`,
  );
}
