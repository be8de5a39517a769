import { newUuid } from '../lib/uuid.ts';
import { DarkroomError, hasCode } from '../model/errors.ts';
import type { Image } from '../model/image.ts';
import type { JournalledOperation, OperationResult } from '../model/operation.ts';
import type { LaunchInstanceRequest } from '../model/requests.ts';
import { type LaunchJournalPlan, launchPlanSchema } from './launch-plan.ts';
import { requireKey } from './steps/encrypted-image.ts';
import { findImage, requireActive } from './steps/find-image.ts';
import { isVisible } from './steps/find-instance.ts';
import { buildInstance } from './steps/launch/build-instance.ts';
import { designLaunch } from './steps/launch/design-launch.ts';
import { instanceFolder } from './steps/launch/instance-folder.ts';
import { requireLaunchable } from './steps/launch/require-launchable.ts';
import { undoLaunch } from './steps/launch/undo-launch.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import type { Core, OperationContext } from './support/context.ts';
import { throwIfCancelled } from './support/patience.ts';
import type { Preparation, UseCase } from './support/use-case.ts';

export interface LaunchInput {
  readonly instanceId: string;
  readonly imageId: string;
  readonly isThin: boolean;
  readonly request: LaunchInstanceRequest;
}

/** A new machine from an image: its own disks, firmware variables, addresses and identity, sharing nothing with the source. */
export const launchInstance: UseCase<LaunchInstanceRequest, LaunchInput> = {
  async prepare(core: Core, request: LaunchInstanceRequest): Promise<Preparation<LaunchInput>> {
    const image = await findImage(core, request.image);
    requireActive(image);
    await requireFreeName(core, request.name);
    const isThin = chooseClone(core, image, request.clone);
    await requireKey(core, image);
    const instanceId = newUuid();
    const folder = instanceFolder(core, instanceId);
    await requireLaunchable(core, await designLaunch(core, { instanceId, image, request, folder }), { isThin });
    return {
      target: request.name,
      locks: {
        exclusive: [`name:${request.name}`, `instance:${instanceId}`],
        shared: [`image:${image.id}`],
      },
      input: { instanceId, imageId: image.id, isThin, request },
    };
  },

  async run(context: OperationContext, input: LaunchInput, signal: AbortSignal): Promise<OperationResult> {
    const { instanceId, imageId, isThin, request } = input;
    // both may have changed before the locks were ours
    await requireFreeName(context, request.name);
    const image = await context.store.readImage(imageId);
    requireActive(image);
    const folder = instanceFolder(context, instanceId);
    const design = await designLaunch(context, { instanceId, image, request, folder });
    const plan = { version: 1, instanceId, instanceName: request.name, imageId, folder, isThin } as const;
    const making: LaunchJournalPlan = { ...plan, isComplete: false };
    await context.operation.enter('preparing', making);
    try {
      await buildInstance(context, { design, plan: making }, signal);
      if (image.isEncrypted) context.operation.warn('The image is encrypted; the disks of the instance are not.');
      if (request.isStarted) await start(context, { ...plan, isComplete: true });
      throwIfCancelled(signal);
    } catch (error) {
      await undoAndSettle(context, () => undoLaunch(context, making));
      throw error;
    }
    await context.operation.settle(request.isStarted ? 'started' : 'defined');
    return { instanceId, imageId };
  },
};

/** Undoes an interrupted launch, unless its instance was complete: then it may have run, and is kept. */
export async function recoverLaunchInstance(core: Core, unfinished: JournalledOperation): Promise<readonly string[]> {
  const plan = launchPlanSchema.parse(unfinished.plan);
  if (await isInUse(core, plan)) {
    return [`The instance ${plan.instanceName} (${plan.instanceId}) was complete and is kept; look whether it runs.`];
  }
  await undoLaunch(core, plan);
  return [];
}

async function isInUse(core: Core, plan: LaunchJournalPlan): Promise<boolean> {
  try {
    const { powerState } = await core.hypervisor.getDomain(plan.instanceId);
    return plan.isComplete || powerState !== 'shutdown';
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return false;
    throw error;
  }
}

async function requireFreeName(core: Core, name: string): Promise<void> {
  const namesake = (await core.hypervisor.listDomains()).find((domain) => domain.name === name);
  if (namesake === undefined) return;
  const id = (await isVisible(core, namesake.uuid).catch(() => false)) ? namesake.uuid : null;
  throw new DarkroomError(
    'NAME_TAKEN',
    `There is an instance ${JSON.stringify(name)} already${id === null ? '' : ` (${id})`}. Choose another name, or delete that one.`,
    { fields: { name, instanceId: id } },
  );
}

/** Whether the disks are overlays. INVALID_REQUEST where that was asked for and cannot be. */
function chooseClone(core: Core, image: Image, wanted: LaunchInstanceRequest['clone']): boolean {
  if (wanted === 'full') return false;
  const obstacle = findThinObstacle(core, image);
  if (obstacle === null) return true;
  if (wanted === null) return false;
  throw new DarkroomError('INVALID_REQUEST', `${obstacle}: use --clone full.`, { fields: { imageId: image.id } });
}

function findThinObstacle({ store }: Core, { name, id, isEncrypted }: Image): string | null {
  if (!store.isLocal)
    return `The store ${store.location} is not on this host, so that no disk can be built on its images`;
  if (!isEncrypted) return null;
  return `The image ${name} (${id}) is encrypted, and its key stays with Darkroom, so that no disk can be built on it`;
}

async function start(context: OperationContext, complete: LaunchJournalPlan): Promise<void> {
  await context.operation.enter('starting', complete);
  await context.hypervisor.startDomain(complete.instanceId);
}
