import { isInside } from '../../../model/domain-xml/host-paths.ts';
import { DarkroomError } from '../../../model/errors.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { ShelvePlan } from '../../shelve-plan.ts';
import type { OperationContext } from '../../support/context.ts';
import { requireActive } from '../find-image.ts';
import { isOff } from '../power/shut-down.ts';
import { leaveHost } from './leave-host.ts';
import { undefineCaptured } from './undefine-captured.ts';

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
  // the record keeps everybody from deleting it; nobody may have done so before
  if (!record.isImageDeferred) requireActive(await context.store.readImage(record.imageId));
  plan.mayBeUndefined = true;
  await context.operation.enter('undefine', plan);
  await undefineCaptured(context, plan.instanceId, record);
  await refuseStarted(context, plan);
  // nobody can start it any more
  await held[Symbol.asyncDispose]();
  await context.operation.enter('leave host', plan);
  const offloaded = await leaveHost(context, offloading);
  warnOfBases(context, record);
  return offloaded;
}

/** Where disks have no locks somebody may have started it all the same: it lives on without a definition, and gets it back. */
async function refuseStarted(context: OperationContext, plan: ShelvePlan): Promise<void> {
  if (await isOff(context, plan.instanceId)) return;
  await context.hypervisor.defineDomain(plan.savedXml);
  throw new DarkroomError(
    'INSTANCE_BUSY',
    `The instance ${plan.instanceName} was started while it was being offloaded.`,
    {
      fields: { instanceId: plan.instanceId },
    },
  );
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
