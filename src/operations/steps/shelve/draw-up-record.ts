import { describeDomain } from '../../../model/domain-xml/describe-domain.ts';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { NetworkReservation, ShelvedDisk, ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { ShelvePlan } from '../../shelve-plan.ts';
import type { OperationContext } from '../../support/context.ts';
import type { SelectedDisk } from '../capture/select-disks.ts';
import { ownershipOf } from '../file-ownership.ts';
import type { Collected } from './collect-machine.ts';

import type { Shelvable } from './inspect-shelvable.ts';

/** What is known of a machine before anything of it has left its host. */
export async function drawUpRecord(
  context: OperationContext,
  plan: ShelvePlan,
  shelvable: Shelvable,
): Promise<ShelvedInstance> {
  const { inspection, made } = shelvable;
  const { vcpus, memoryMiB, interfaces, owner, labels } = describeDomain(inspection.savedXml);
  const macs = interfaces.flatMap(({ mac }) => mac ?? []);
  const disks: ShelvedDisk[] = [];
  for (const disk of inspection.selection.captured) disks.push(await describeDisk(context, shelvable, disk));
  return {
    version: 1,
    id: plan.instanceId,
    name: plan.instanceName,
    state: 'shelved',
    host: context.hostName,
    shelvedAt: context.clock.now().toISOString(),
    imageId: plan.imageId,
    isImageDeferred: true,
    powerState: plan.powerState,
    isAutostart: inspection.domain.isAutostart,
    vcpus,
    memoryMiB,
    macs,
    disks,
    files: [],
    memory: null,
    checkpoints: [],
    reservations: await findReservations(context, macs),
    owner,
    labels,
    made,
  };
}

/** A network that cannot be read is no reason to keep the machine. */
async function findReservations(context: OperationContext, macs: readonly string[]): Promise<NetworkReservation[]> {
  try {
    return (await context.hypervisor.listReservations()).filter(({ mac }) => macs.includes(mac));
  } catch (error) {
    if (hasCode(error, 'LIBVIRT_UNREACHABLE')) throw error;
    context.operation.warn(
      `Reserved addresses are not kept: ${error instanceof Error ? error.message : String(error)}`,
    );
    return [];
  }
}

async function describeDisk(
  context: OperationContext,
  { inspection }: Shelvable,
  disk: SelectedDisk,
): Promise<ShelvedDisk> {
  const [top, below] = inspection.chains.get(disk.target) ?? [];
  const stat = await context.files.stat(disk.path);
  if (top === undefined || stat === null) {
    throw new DarkroomError('DISK_MISSING', `Disk ${disk.target} is missing: there is no ${disk.path}.`);
  }
  return {
    target: disk.target,
    path: disk.path,
    format: disk.format,
    virtualSizeBytes: top.virtualSizeBytes,
    ownership: await ownershipOf(context, disk.path),
    basePath: below?.path ?? null,
    inode: stat.inode,
    sizeBytes: stat.sizeBytes,
    modifiedMs: stat.modifiedMs,
  };
}

/** With what has been put beside the disks in the image. */
export function withCollected(record: ShelvedInstance, { files, memory, checkpoints }: Collected): ShelvedInstance {
  return { ...record, files, memory, checkpoints };
}
