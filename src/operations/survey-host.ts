import type { Image, ImageStatus } from '../model/image.ts';
import { summariseDisks } from '../model/image-rules.ts';
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

export interface ImageSurvey {
  readonly counts: readonly { readonly status: ImageStatus; readonly type: string; readonly count: number }[];
  /** Images whose record cannot be read. */
  readonly damaged: number;
  /** Sum of the lengths of their disk files. */
  readonly sizeBytes: number;
  /** The newest active backup of each instance, of whatever host. */
  readonly backups: readonly { readonly instanceId: string; readonly createdAt: string }[];
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

/** Reads every manifest. What is damaged is counted, and told of by a list of images. */
export async function surveyImages(core: Core): Promise<ImageSurvey> {
  const { images, broken } = await core.store.listImages();
  return {
    counts: countImages(images),
    damaged: broken.length,
    sizeBytes: images.reduce((sum, image) => sum + summariseDisks(image.disks).sizeBytes, 0),
    backups: newestBackups(images),
  };
}

function countImages(images: readonly Image[]): ImageSurvey['counts'] {
  const counts = new Map<string, ImageSurvey['counts'][number]>();
  for (const { status, properties } of images) {
    const type = properties['image_type'] ?? '';
    const key = `${status} ${type}`;
    counts.set(key, { status, type, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()];
}

function newestBackups(images: readonly Image[]): ImageSurvey['backups'] {
  const newest = new Map<string, string>();
  // newest first, as the store lists them
  for (const { status, properties, createdAt } of images) {
    const instanceId = properties['instance_uuid'];
    if (status !== 'active' || properties['image_type'] !== 'backup' || instanceId === undefined) continue;
    if (!newest.has(instanceId)) newest.set(instanceId, createdAt);
  }
  return [...newest].map(([instanceId, createdAt]) => ({ instanceId, createdAt }));
}
