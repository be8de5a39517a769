import type { InstanceState } from '../model/instance.ts';
import type { DomainInfo } from '../model/ports/hypervisor.ts';
import type { ShelfState, ShelvedInstance } from '../model/shelved-instance.ts';
import { capturePlanSchema } from './capture-plan.ts';
import { stateOf } from './steps/describe-instance.ts';
import type { Core } from './support/context.ts';

export interface InstanceSurvey {
  /** Domains of this host. */
  readonly instances: readonly { readonly id: string; readonly name: string; readonly state: InstanceState }[];
  /** Of the store those that this host shelved, so that no two hosts count the same; null while the store cannot be read. */
  readonly shelved: readonly { readonly id: string; readonly name: string; readonly state: ShelfState }[] | null;
}

export interface OverlaySize {
  readonly operationId: string;
  readonly instanceId: string;
  readonly instanceName: string;
  readonly target: string;
  /** Allocated on the host. */
  readonly sizeBytes: number;
}

export interface StoreSpace {
  readonly freeBytes: number;
  /** That stay free whatever is written. */
  readonly reserveBytes: number;
}

/** Without a look at each of them: one call to libvirt, one reading of the shelf. */
export async function surveyInstances(core: Core): Promise<InstanceSurvey> {
  const records = await readShelf(core);
  const domains = await core.hypervisor.listDomains();
  const ours = records?.filter(({ host }) => host === core.hostName) ?? null;
  return {
    instances: domains.map((domain) => ({
      id: domain.uuid,
      name: domain.name,
      state: isShelved(domain, ours ?? []) ? 'shelved' : stateOf(domain.powerState),
    })),
    shelved: ours?.map(({ id, name, state }) => ({ id, name, state })) ?? null,
  };
}

/** What libvirt knows is told although the store cannot be read. */
async function readShelf(core: Core): Promise<readonly ShelvedInstance[] | null> {
  try {
    return (await core.shelf.list()).instances;
  } catch (error) {
    core.log.debug({ error: String(error) }, 'shelved instances are not counted');
    return null;
  }
}

/** As in a list of instances: one that somebody started all the same is what it is. */
function isShelved({ uuid, powerState }: DomainInfo, records: readonly ShelvedInstance[]): boolean {
  if (powerState !== 'shutdown' && powerState !== 'suspended') return false;
  return records.some(({ id, state }) => id === uuid && state !== 'shelved_offloaded');
}

/** Of captures that go on, or that are not put right yet: the journal knows where they are, the file system which are there. */
export async function surveyOverlays(core: Core): Promise<readonly OverlaySize[]> {
  const found: OverlaySize[] = [];
  for (const { operation, plan } of await core.journal.list({ isUnsettled: true })) {
    const capture = capturePlanSchema.safeParse(plan);
    if (!capture.success) continue;
    const { instanceId, instanceName, disks } = capture.data;
    for (const { target, overlayPath } of disks) {
      const stat = overlayPath === null ? null : await core.files.stat(overlayPath);
      if (stat === null) continue;
      found.push({ operationId: operation.id, instanceId, instanceName, target, sizeBytes: stat.allocatedBytes });
    }
  }
  return found;
}

export async function measureStore(core: Core): Promise<StoreSpace> {
  return { freeBytes: await core.store.freeBytes(), reserveBytes: core.settings.reserveBytes };
}
