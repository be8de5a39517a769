import { hasCode } from '../model/errors.ts';
import { offloadDueAt } from '../model/shelve-rules.ts';
import type { ShelvedInstance } from '../model/shelved-instance.ts';
import type { Core } from './support/context.ts';

export interface DueOffload {
  readonly id: string;
  readonly name: string;
  readonly shelvedAt: string;
}

/** Instances whose time on this host is over and that nobody started all the same; those that were shelved first come first. */
export async function listDueOffloads(core: Core): Promise<readonly DueOffload[]> {
  const policy = { hostName: core.hostName, offloadTimeMs: core.settings.shelvedOffloadTimeMs };
  if (policy.offloadTimeMs === null || policy.offloadTimeMs === 0) return [];
  const due: ShelvedInstance[] = [];
  for (const record of (await core.shelf.list()).instances) {
    const dueAt = offloadDueAt(record, policy);
    if (dueAt !== null && dueAt <= core.clock.now() && (await isOff(core, record))) due.push(record);
  }
  return due
    .sort((left, right) => Date.parse(left.shelvedAt) - Date.parse(right.shelvedAt))
    .map(({ id, name, shelvedAt }) => ({ id, name, shelvedAt }));
}

/** An offload of one that runs, or that is gone, could only fail. */
async function isOff(core: Core, { id }: ShelvedInstance): Promise<boolean> {
  try {
    const { powerState } = await core.hypervisor.getDomain(id);
    return powerState === 'shutdown' || powerState === 'suspended';
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return false;
    throw error;
  }
}
