import { DarkroomError } from '../model/errors.ts';
import type { OffloadInstanceRequest } from '../model/requests.ts';
import type { ShelvedInstance } from '../model/shelved-instance.ts';
import { prepareMove, reachEnd, shelveLocks } from './shelve-instance.ts';
import type { ShelvePlan } from './shelve-plan.ts';
import { holdDisks } from './steps/capture/hold-disks.ts';
import { findDomainOf, notFound } from './steps/find-instance.ts';
import { requireWholeImage } from './steps/launch/require-whole-image.ts';
import { drawUpRecord } from './steps/shelve/draw-up-record.ts';
import { findShelved } from './steps/shelve/find-shelved.ts';
import { inspectShelvable } from './steps/shelve/inspect-shelvable.ts';
import { requireRecorded } from './steps/shelve/require-recorded.ts';
import { requireUnchanged } from './steps/shelve/require-unchanged.ts';
import { undefineShelved } from './steps/shelve/undefine-shelved.ts';
import type { Core, OperationContext } from './support/context.ts';
import type { UseCase } from './support/use-case.ts';

interface OffloadInput {
  readonly instanceId: string;
}

/** What is shelved and still on its host leaves it. */
export const offloadInstance: UseCase<OffloadInstanceRequest, OffloadInput> = {
  prepare: async (core, request) => {
    const record = await requireShelved(core, request.instance);
    return { target: record.name, locks: shelveLocks(record.id, record.imageId), input: { instanceId: record.id } };
  },
  run: async (context, { instanceId }, signal) => {
    const record = await requireShelved(context, instanceId);
    const shelvable = await inspectShelvable(context, instanceId, signal);
    const { captured } = shelvable.inspection.selection;
    const plan = planOffload(record, shelvable.inspection.savedXml);
    requireOff(shelvable.inspection.powerState, record);
    await using held = await holdDisks(context, captured);
    if (!record.isImageDeferred) {
      requireRecorded(context, record, { xml: plan.savedXml, targets: captured.map(({ target }) => target) });
      await requireUnchanged(context, record, shelvable.inspection.savedXml);
      const image = await context.store.readImage(record.imageId);
      await requireWholeImage(context, image, { isLeftThere: () => true });
    }
    await context.operation.enter('offload', plan);
    return await reachEnd(context, plan, async () => {
      const complete = record.isImageDeferred ? await collect(context, { plan, shelvable, record }, signal) : record;
      await undefineShelved(context, { plan, record: complete, held });
    });
  },
};

/** Its power before and the time of the shelve stay what they were. */
async function collect(
  context: OperationContext,
  work: Parameters<typeof prepareMove>[1],
  signal: AbortSignal,
): Promise<ShelvedInstance> {
  const { shelvedAt, isAutostart } = work.record;
  const record = { ...(await drawUpRecord(context, work.plan, work.shelvable)), shelvedAt, isAutostart };
  return await prepareMove(context, { ...work, record }, signal);
}

async function requireShelved(core: Core, reference: string): Promise<ShelvedInstance> {
  const record = await findShelved(core, reference);
  if (record === null) {
    const domain = await findDomainOf(core, reference);
    if (domain === null) throw notFound(core, reference);
    throw new DarkroomError(
      'INSTANCE_STATE',
      `The instance ${domain.name} is not shelved: darkroom instance shelve does both.`,
      {
        fields: { instanceId: domain.uuid },
      },
    );
  }
  if (record.state === 'shelved' && record.host === core.hostName) return record;
  const where = record.state === 'shelved_offloaded' ? 'offloaded already' : `${record.state} on ${record.host}`;
  throw new DarkroomError('INSTANCE_STATE', `The instance ${record.name} (${record.id}) is ${where}.`, {
    fields: { instanceId: record.id, state: record.state, host: record.host },
  });
}

function requireOff(powerState: string, record: ShelvedInstance): void {
  if (powerState === 'shutdown' || powerState === 'suspended') return;
  throw new DarkroomError(
    'INSTANCE_STATE',
    `The instance ${record.name} is shelved, but somebody started it: it is ${powerState}. Stop it, or unshelve it.`,
    { fields: { instanceId: record.id, powerState } },
  );
}

function planOffload(record: ShelvedInstance, savedXml: string): ShelvePlan {
  return {
    version: 1,
    instanceId: record.id,
    instanceName: record.name,
    imageId: record.imageId,
    savedXml,
    powerState: record.powerState,
    isShelvedBefore: true,
    disks: record.disks.map(({ target }) => ({ target })),
    isShutdownAsked: false,
    isSaveAsked: false,
    mayBeUndefined: false,
    isAutostart: record.isAutostart,
    helpers: [],
  };
}
