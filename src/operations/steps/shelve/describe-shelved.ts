import type { Instance } from '../../../model/instance.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';

/** A shelved instance as people see it, although no libvirt need know it. */
export async function describeShelved(core: Core, record: ShelvedInstance): Promise<Instance> {
  const { id, name, host, vcpus, memoryMiB, macs, made } = record;
  const isOffloaded = record.state === 'shelved_offloaded';
  return {
    id,
    name,
    state: isOffloaded ? 'shelved_offloaded' : 'shelved',
    powerState: 'shutdown',
    taskState: (await core.shelf.readClaim(id))?.kind ?? null,
    host: isOffloaded ? null : host,
    vcpus,
    memoryMiB,
    disks: record.disks.map(({ target, path, format }) => ({
      target,
      device: 'disk',
      path: isOffloaded ? null : path,
      format,
      isReadOnly: false,
    })),
    macs,
    addresses: [],
    imageId: made?.imageId ?? null,
    owner: record.owner,
    labels: record.labels,
  };
}

/** A domain of this host whose record says that it is shelved; one that somebody started all the same is what it is. */
export function markShelved(instance: Instance, record: ShelvedInstance): Instance {
  const isOff = instance.powerState === 'shutdown' || instance.powerState === 'suspended';
  return isOff && record.state !== 'shelved_offloaded' ? { ...instance, state: 'shelved' } : instance;
}
