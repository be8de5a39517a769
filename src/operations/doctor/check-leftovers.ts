import { newUuid } from '../../lib/uuid.ts';
import type { DoctorCheck } from '../../model/doctor.ts';
import type { CapturePlan } from '../capture-plan.ts';
import { settleGuest } from '../steps/capture/settle-guest.ts';
import type { Core } from '../support/context.ts';
import { acquireLocks } from '../support/operation-locks.ts';
import { badCheck, failedCheck, okCheck, repairedCheck } from './doctor-check.ts';
import { findLeftovers, type Leftover } from './find-leftovers.ts';

/** Overlays that no living operation owns, and drafts of images. */
export async function checkLeftovers(core: Core, options: { readonly isRepairing: boolean }): Promise<DoctorCheck[]> {
  const leftovers = await findLeftovers(core);
  const checks: DoctorCheck[] = [];
  for (const leftover of leftovers) checks.push(await treatGuarded(core, leftover, options));
  if (checks.length === 0) checks.push(okCheck('leftover.overlay', 'no overlay of a dead operation is left'));
  checks.push(...(await checkDrafts(core)));
  return checks;
}

/** One leftover that cannot be mended stops no other. */
async function treatGuarded(
  core: Core,
  leftover: Leftover,
  options: { readonly isRepairing: boolean },
): Promise<DoctorCheck> {
  try {
    return await treat(core, leftover, options);
  } catch (error) {
    return failedCheck('leftover.overlay', error);
  }
}

async function treat(
  core: Core,
  leftover: Leftover,
  { isRepairing }: { readonly isRepairing: boolean },
): Promise<DoctorCheck> {
  const id = 'leftover.overlay';
  switch (leftover.kind) {
    case 'in-use': {
      const what = `${leftover.plan.instanceName} runs on an overlay of a dead operation (${leftover.targets.join(', ')})`;
      if (!isRepairing) return badCheck(id, 'error', { message: what, remedy: 'darkroom doctor --repair' });
      await repair(core, leftover.plan);
      return repairedCheck(id, `${what}: its disks are back on their old chain`);
    }
    case 'unused': {
      const what = `${leftover.path} is an overlay that ${leftover.instanceName} does not use any more`;
      if (!isRepairing) return badCheck(id, 'warning', { message: what, remedy: 'darkroom doctor --repair' });
      await core.files.remove(leftover.path);
      return repairedCheck(id, `${what}: it was deleted`);
    }
    case 'unproven':
      return badCheck(id, 'warning', {
        message: `${leftover.path}: ${leftover.reason}`,
        remedy: 'It may hold what a guest wrote. Look at it (qemu-img info) before you delete or commit it.',
      });
    default: {
      const never: never = leftover;
      return never;
    }
  }
}

async function repair(core: Core, plan: CapturePlan): Promise<void> {
  const operationId = newUuid();
  const locks = { exclusive: [`instance:${plan.instanceId}`], shared: [] };
  await acquireLocks(core, locks, { operationId, kind: 'image.create' });
  try {
    await settleGuest(core, plan);
  } finally {
    await core.locks.release(operationId);
  }
}

/** On a shared store a draft may be another host's work, so it is told of and never removed here. */
async function checkDrafts(core: Core): Promise<DoctorCheck[]> {
  const running = await core.journal.list({ status: 'running' });
  const busy = new Set(running.filter(({ owner }) => core.processes.isAlive(owner)).map(({ plan }) => imageIdOf(plan)));
  // what a shelved instance will need is no leftover
  const shelved = new Set((await core.shelf.list()).instances.map(({ imageId }) => imageId));
  const drafts = (await core.store.listDraftIds()).filter((id) => !busy.has(id) && !shelved.has(id));
  return drafts.map((id) =>
    badCheck('leftover.draft', 'warning', {
      message: `${core.store.location}: the image ${id} has no manifest, and no operation of this host is making it`,
      remedy: 'If no other host that shares this store is making it: darkroom store gc removes it after a day.',
    }),
  );
}

function imageIdOf(plan: unknown): unknown {
  return typeof plan === 'object' && plan !== null && 'imageId' in plan ? plan.imageId : null;
}
