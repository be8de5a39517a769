import { Gauge, type Registry } from 'prom-client';
import { IMAGE_TYPES } from '../../model/image.ts';
import { INSTANCE_STATES } from '../../model/instance.ts';
import { SHELF_STATES } from '../../model/shelved-instance.ts';
import type { ImageSurvey, InstanceSurvey, OverlaySize, StoreSpace } from '../../operations/survey-host.ts';

/** Gauges of what was seen the last time that somebody looked. */
export interface HostMetrics {
  showLibvirt(isUp: boolean): void;
  showInstances(seen: InstanceSurvey): void;
  showOverlays(overlays: readonly OverlaySize[]): void;
  showLocks(count: number): void;
  /** null: the store could not be looked at, and what was last seen of it stays. */
  showStore(seen: { readonly space: StoreSpace; readonly images: ImageSurvey } | null): void;
}

export function createHostMetrics(registry: Registry): HostMetrics {
  const libvirtUp = gauge(registry, 'libvirt_up', 'Whether libvirt answers.');
  const locks = gauge(registry, 'locks_held', 'Locks of running operations of this host.');
  const showInstances = createInstanceGauges(registry);
  const showStore = createStoreGauges(registry);
  const showBackups = createBackupGauge(registry);
  const overlays = new Gauge({
    name: 'darkroom_overlay_bytes',
    help: 'Allocated by an overlay that a guest writes to while it is captured.',
    labelNames: ['instance_id', 'instance_name', 'target'] as const,
    registers: [registry],
  });
  let instances: InstanceSurvey = { instances: [], shelved: [] };
  let backups: ImageSurvey['backups'] = [];
  libvirtUp.set(0);
  return {
    showLibvirt: (isUp) => libvirtUp.set(isUp ? 1 : 0),
    showLocks: (count) => locks.set(count),
    showInstances: (seen) => {
      instances = seen;
      showInstances(seen);
      showBackups(instances, backups);
    },
    showOverlays: (found) => {
      overlays.reset();
      for (const { instanceId, instanceName, target, sizeBytes } of found) {
        overlays.set({ instance_id: instanceId, instance_name: instanceName, target }, sizeBytes);
      }
    },
    showStore: (seen) => {
      showStore(seen);
      if (seen === null) return;
      backups = seen.images.backups;
      showBackups(instances, backups);
    },
  };
}

function gauge(registry: Registry, name: string, help: string): Gauge {
  return new Gauge({ name: `darkroom_${name}`, help, registers: [registry] });
}

function createInstanceGauges(registry: Registry): (seen: InstanceSurvey) => void {
  const instances = new Gauge({
    name: 'darkroom_instances',
    help: 'Instances of this host, by what they do.',
    labelNames: ['state'] as const,
    registers: [registry],
  });
  const shelved = new Gauge({
    name: 'darkroom_shelved_instances',
    help: 'Instances that this host shelved and that did not come back yet.',
    labelNames: ['state'] as const,
    registers: [registry],
  });
  return (seen) => {
    // what is offloaded is on no host
    for (const state of INSTANCE_STATES) if (state !== 'shelved_offloaded') instances.set({ state }, 0);
    for (const { state } of seen.instances) instances.inc({ state });
    if (seen.shelved === null) return;
    for (const state of SHELF_STATES) shelved.set({ state }, 0);
    for (const { state } of seen.shelved) shelved.inc({ state });
  };
}

function createStoreGauges(registry: Registry): (seen: Parameters<HostMetrics['showStore']>[0]) => void {
  const up = gauge(registry, 'store_up', 'Whether the store could be read the last time.');
  const size = gauge(registry, 'store_size_bytes', 'Length of all disk files of the images in the store.');
  const free = gauge(registry, 'store_free_bytes', 'Free space of the file system that the store lies on.');
  const reserve = gauge(registry, 'store_reserve_bytes', 'Free space that nothing is written into.');
  const damaged = gauge(registry, 'images_damaged', 'Images in the store whose record cannot be read.');
  const images = new Gauge({
    name: 'darkroom_images',
    help: 'Images in the store.',
    labelNames: ['status', 'type'] as const,
    registers: [registry],
  });
  up.set(0);
  return (seen) => {
    up.set(seen === null ? 0 : 1);
    if (seen === null) return;
    size.set(seen.images.sizeBytes);
    free.set(seen.space.freeBytes);
    reserve.set(seen.space.reserveBytes);
    damaged.set(seen.images.damaged);
    images.reset();
    for (const type of IMAGE_TYPES) for (const status of ['active', 'error']) images.set({ status, type }, 0);
    for (const { status, type, count } of seen.images.counts) images.inc({ status, type: knownType(type) }, count);
  };
}

/** Whoever writes into a store must not make series out of it. */
function knownType(type: string): string {
  return IMAGE_TYPES.find((known) => known === type) ?? 'other';
}

type ShowBackups = (seen: InstanceSurvey, backups: ImageSurvey['backups']) => void;

/** Of the instances of this host alone, so that no two hosts of a store tell of the same, and one that was deleted is missed by nobody. */
function createBackupGauge(registry: Registry): ShowBackups {
  const newest = new Gauge({
    name: 'darkroom_last_successful_backup_timestamp_seconds',
    help: 'When the newest good backup of an instance of this host was made.',
    labelNames: ['instance_id', 'instance_name'] as const,
    registers: [registry],
  });
  return ({ instances, shelved }, backups) => {
    const names = new Map([...instances, ...(shelved ?? [])].map(({ id, name }) => [id, name]));
    newest.reset();
    for (const { instanceId, createdAt } of backups) {
      const name = names.get(instanceId);
      if (name === undefined) continue;
      newest.set({ instance_id: instanceId, instance_name: name }, Date.parse(createdAt) / 1000);
    }
  };
}
