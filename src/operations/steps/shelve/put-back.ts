import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { ShelvePlan } from '../../shelve-plan.ts';
import type { Core } from '../../support/context.ts';
import { outlastLibvirtRestart } from '../../support/patience.ts';
import { isTimeout, waitForDomainJobs } from '../capture/look-at-domain.ts';
import { isStopped, restorePower } from '../power/restore-power.ts';
import { isOff } from '../power/shut-down.ts';
import { removeUnpublished } from '../remove-unpublished.ts';
import { areDisksHere, isAsCaptured } from './is-as-captured.ts';
import { isImageWhole, leaveHost } from './leave-host.ts';
import { requireRecorded } from './require-recorded.ts';
import { requireMemory, restoreHostFiles } from './restore-host-files.ts';
import { undefineCaptured } from './undefine-captured.ts';

/** A guest that was asked to shut down and does not is taken to have decided otherwise. */
const SHUTDOWN_PATIENCE_MS = 20_000;
const POLL_MS = 250;
/** Of a large guest that takes minutes. */
const SAVE_PATIENCE_MS = 600_000;

export interface PutRight {
  /** Past the point of no return it is finished; before it, undone. */
  readonly isOffloaded: boolean;
  readonly note: string;
}

/**
 * Finishes or undoes a shelve that did not come to its end. Once libvirt was asked to undefine the domain it goes forward, because
 * firmware variables and saved memory go before the definition does; until then it goes back: the guest first, then the record, then
 * what had been captured. What has gone on since, here or on another host, is left alone.
 */
export async function putRight(core: Core, plan: ShelvePlan): Promise<PutRight> {
  for (const helper of plan.helpers) await core.processes.kill(helper);
  await waitForDomainJobs(core, plan);
  if (plan.mayBeUndefined)
    return await goForward(core, plan, await outlastLibvirtRestart(core, () => findDomain(core, plan.instanceId)));
  return await goBack(core, plan, await outlastLibvirtRestart(core, () => findDefined(core, plan.instanceId)));
}

async function findDefined(core: Core, instanceId: string): Promise<DomainInfo | null> {
  const domain = await findDomain(core, instanceId);
  return domain?.isPersistent === true ? domain : null;
}

/** One that runs without a definition, too. */
async function findDomain(core: Core, instanceId: string): Promise<DomainInfo | null> {
  try {
    return await core.hypervisor.getDomain(instanceId);
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return null;
    throw error;
  }
}

async function goForward(core: Core, plan: ShelvePlan, domain: DomainInfo | null): Promise<PutRight> {
  const record = await readOwn(core, plan);
  if (record === null)
    return { isOffloaded: true, note: `The instance ${plan.instanceName} was offloaded, and has gone on since.` };
  requireRecorded(core, record, { xml: plan.savedXml, targets: plan.disks.map(({ target }) => target) });
  if (domain !== null && !(await isUndefinedNow(core, plan, { domain, record })))
    return await giveUp(core, plan, record);
  if (await isOnHostAlone(core, record)) return await giveUp(core, plan, record);
  await leaveHost(core, record);
  return {
    isOffloaded: true,
    note: `The instance ${plan.instanceName} was undefined already: its offload was finished.`,
  };
}

/** What it was copied into was lost before its disks were removed: they are the machine. */
async function isOnHostAlone(core: Core, record: ShelvedInstance): Promise<boolean> {
  if (record.state === 'shelved_offloaded' || record.isImageDeferred) return false;
  return (await areDisksHere(core, record)) && !(await isImageWhole(core, record));
}

/**
 * False where libvirt will not, the guest runs again, or it ran since it was captured: nobody holds its disks after a death, and what
 * was written to them is in no image.
 */
async function isUndefinedNow(
  core: Core,
  plan: ShelvePlan,
  { domain, record }: { readonly domain: DomainInfo; readonly record: ShelvedInstance },
): Promise<boolean> {
  if (!(await mayLeave(core, { domain, record }))) return false;
  try {
    await outlastLibvirtRestart(core, () => undefineCaptured(core, plan.instanceId, record));
  } catch (error) {
    if (!hasCode(error, 'LIBVIRT_FAILED')) throw error;
    return false;
  }
  // somebody may have started it in between: it lives on without a definition
  return await outlastLibvirtRestart(core, () => isOff(core, plan.instanceId));
}

async function mayLeave(
  core: Core,
  { domain, record }: { readonly domain: DomainInfo; readonly record: ShelvedInstance },
): Promise<boolean> {
  if (!isStopped(domain) || (domain.hasManagedSave && record.memory === null)) return false;
  return (await isAsCaptured(core, record)) && (record.isImageDeferred || (await isImageWhole(core, record)));
}

/** Back to what it was before, with all that had gone with the attempt; as long as no disk of it has left. */
async function giveUp(core: Core, plan: ShelvePlan, record: ShelvedInstance): Promise<PutRight> {
  if (!(await areDisksHere(core, record))) {
    throw new DarkroomError(
      'OPERATION_INTERRUPTED',
      `Disks of ${record.name} have left this host for its image ${record.imageId}, and somebody defined it anew. Nothing was deleted: ` +
        `undefine the domain (virsh undefine ${record.name} --keep-nvram), and run darkroom doctor --repair: the offload is finished then.`,
      { fields: { instanceId: record.id, imageId: record.imageId } },
    );
  }
  await restoreHostFiles(core, record);
  const domain = await outlastLibvirtRestart(core, () => findDefined(core, plan.instanceId));
  if (domain !== null && isStopped(domain) && (await isAsCaptured(core, record)))
    requireMemory(core, { domain, record });
  return await goBack(core, plan, domain);
}

async function goBack(core: Core, plan: ShelvePlan, domain: DomainInfo | null): Promise<PutRight> {
  // a store that is away must not keep the guest off
  if (domain !== null && !plan.isShelvedBefore) await backToWork(core, plan);
  const record = await core.shelf.read(plan.instanceId);
  if (record !== null && !isOwn(core, plan, record)) {
    return { isOffloaded: false, note: `The instance ${plan.instanceName} has gone on since, on ${record.host}.` };
  }
  if (domain === null) await defineAgain(core, plan);
  await (plan.isShelvedBefore ? backOnShelf(core, plan, record) : offShelf(core, plan));
  const state = plan.isShelvedBefore ? 'shelved as' : 'as';
  return { isOffloaded: false, note: `The instance ${plan.instanceName} is ${state} it was before.` };
}

async function readOwn(core: Core, plan: ShelvePlan): Promise<ShelvedInstance | null> {
  const record = await core.shelf.read(plan.instanceId);
  return record !== null && isOwn(core, plan, record) ? record : null;
}

function isOwn(core: Core, plan: ShelvePlan, record: ShelvedInstance): boolean {
  return record.imageId === plan.imageId && record.host === core.hostName;
}

async function backToWork(core: Core, plan: ShelvePlan): Promise<void> {
  if (plan.isShutdownAsked) await waitForShutdown(core, plan.instanceId);
  if (plan.isSaveAsked) await outlastLibvirtRestart(core, () => outlastSave(core, plan));
  await outlastLibvirtRestart(core, () => restorePower(core, plan.instanceId, plan.powerState));
  if (plan.isAutostart) await core.hypervisor.setAutostart(plan.instanceId, { isEnabled: true });
}

/** What was asked of it cannot be taken back: it may go down yet, and is started again then. */
async function waitForShutdown(core: Core, instanceId: string): Promise<void> {
  const deadline = core.clock.monotonicMs() + SHUTDOWN_PATIENCE_MS;
  while (core.clock.monotonicMs() < deadline) {
    if (await outlastLibvirtRestart(core, () => isOff(core, instanceId))) return;
    await core.clock.sleep(POLL_MS);
  }
}

/**
 * libvirt goes on saving the memory for a client that died, and answers meanwhile as if the guest were only paused: questions are
 * allowed beside such a job, a start waits for its end.
 */
async function outlastSave(core: Core, { instanceId, powerState }: ShelvePlan): Promise<void> {
  const deadline = core.clock.monotonicMs() + SAVE_PATIENCE_MS;
  while (!(await isOff(core, instanceId))) {
    try {
      return await core.hypervisor.startDomain(instanceId, { isPaused: powerState === 'paused' });
    } catch (error) {
      if (!hasCode(error, 'LIBVIRT_FAILED')) throw error;
      // it is not being saved: it goes on as it did
      if (!isTimeout(error)) return;
      if (core.clock.monotonicMs() > deadline) throw error;
    }
  }
}

/** Somebody undefined it before we did; its disks are where they were. */
async function defineAgain(core: Core, plan: ShelvePlan): Promise<void> {
  await outlastLibvirtRestart(core, () => core.hypervisor.defineDomain(plan.savedXml));
  if (!plan.isShelvedBefore) await backToWork(core, { ...plan, isShutdownAsked: false, isSaveAsked: false });
}

async function backOnShelf(core: Core, plan: ShelvePlan, record: ShelvedInstance | null): Promise<void> {
  if (record === null) return;
  if (record.isImageDeferred) await removeUnpublished(core, plan.imageId);
  if (record.state !== 'shelved') await core.shelf.write({ ...record, state: 'shelved' });
}

async function offShelf(core: Core, plan: ShelvePlan): Promise<void> {
  await core.shelf.remove(plan.instanceId);
  if (await removeUnpublished(core, plan.imageId)) await core.store.deleteImage(plan.imageId);
}
