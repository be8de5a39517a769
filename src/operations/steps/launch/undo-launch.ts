import { hasCode } from '../../../model/errors.ts';
import type { LaunchJournalPlan } from '../../launch-plan.ts';
import type { Core } from '../../support/context.ts';
import { outlastLibvirtRestart } from '../../support/patience.ts';
import { powerOff } from '../power/shut-down.ts';

/** Removes all that a launch has made, however far it came; idempotent. The domain first: its disks must not go under a running guest. */
export async function undoLaunch(core: Core, plan: LaunchJournalPlan): Promise<void> {
  await outlastLibvirtRestart(core, () => removeDomain(core, plan.instanceId));
  // the folder is named by a fresh UUID: there is nothing of anybody else in it
  await core.files.removeTree(plan.folder);
  if (plan.isThin) await core.store.removeUser(plan.imageId, plan.instanceId);
}

async function removeDomain(core: Core, uuid: string): Promise<void> {
  await powerOff(core, uuid);
  try {
    await core.hypervisor.undefineDomain(uuid, { nvram: 'remove', tpm: 'remove' });
  } catch (error) {
    if (!hasCode(error, 'INSTANCE_NOT_FOUND')) throw error;
  }
}
