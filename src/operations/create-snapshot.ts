import { describeDomain } from '../model/domain-xml/describe-domain.ts';
import { DarkroomError } from '../model/errors.ts';
import type { DomainInfo } from '../model/ports/hypervisor.ts';
import type { CreateSnapshotRequest } from '../model/snapshot/requests.ts';
import { type SnapshotPlan, snapshotPlanSchema } from './snapshot-plan.ts';
import { selectDisks } from './steps/capture/select-disks.ts';
import { findInstance } from './steps/find-instance.ts';
import { takeSnapshotOf } from './steps/snapshot/create/take-snapshot-of.ts';
import { undoSnapshot } from './steps/snapshot/create/undo-snapshot.ts';
import { findVolume } from './steps/snapshot/find-volume.ts';
import { volumeLock } from './steps/snapshot/snapshot-locks.ts';
import { volumeId } from './steps/volume-id.ts';
import type { Core } from './support/context.ts';
import { acquireLocks } from './support/operation-locks.ts';
import type { LockRequest, Recover, UseCase } from './support/use-case.ts';

interface CreateSnapshotInput {
  readonly request: CreateSnapshotRequest;
  readonly instanceId: string;
  readonly targets: readonly string[];
}

/** A point in time of one volume, or of all volumes of an instance at one instant; the guest goes on as it was. */
export const createSnapshot: UseCase<CreateSnapshotRequest, CreateSnapshotInput> = {
  prepare: async (core, request) => {
    await requireEncodable(core, request);
    const { domain, targets } = await findSubject(core, request);
    const volumes = targets.map((target) => volumeId(domain.uuid, target));
    return {
      target: domain.name,
      locks: snapshotLocks(domain.uuid, volumes),
      input: { request, instanceId: domain.uuid, targets },
    };
  },
  run: async (context, { request, instanceId, targets }, signal) => {
    const snapshots = await takeSnapshotOf(context, { request, instanceId, targets }, signal);
    const snapshotIds = snapshots.map(({ id }) => id);
    const [snapshotId] = snapshotIds;
    return { instanceId, snapshotIds, ...(snapshotId === undefined ? {} : { snapshotId }) };
  },
};

/** A compressed cluster of a qcow2 is never encrypted (QEMU's docs/interop/qcow2.txt, compressed clusters). */
async function requireEncodable(core: Core, { isEncrypted, isCompressed }: CreateSnapshotRequest): Promise<void> {
  if (!isEncrypted) return;
  if (isCompressed) {
    throw new DarkroomError(
      'INVALID_REQUEST',
      'A snapshot is either compressed or encrypted: qcow2 cannot hold both.',
      {
        fields: { field: 'isCompressed' },
      },
    );
  }
  await core.keys.read();
}

function snapshotLocks(instanceId: string, volumes: readonly string[]): LockRequest {
  return { exclusive: [`instance:${instanceId}`, ...volumes.map(volumeLock)], shared: [] };
}

async function findSubject(
  core: Core,
  { volume, instance }: CreateSnapshotRequest,
): Promise<{ readonly domain: DomainInfo; readonly targets: readonly string[] }> {
  if (volume !== null && instance === null) {
    const { domain, target } = await findVolume(core, volume);
    return { domain, targets: [target] };
  }
  if (instance === null || volume !== null) {
    throw new DarkroomError('INVALID_REQUEST', 'State either a volume or an instance whose volumes are all meant.', {
      fields: { volume, instance },
    });
  }
  const domain = await findInstance(core, instance);
  const { captured } = selectDisks(describeDomain(await core.hypervisor.getDomainXml(domain.uuid)));
  return { domain, targets: captured.map(({ target }) => target) };
}

/** For a snapshot whose process died, at whatever step. */
export const recoverCreateSnapshot: Recover = async (core, unfinished) => {
  const plan: SnapshotPlan = snapshotPlanSchema.parse(unfinished.plan);
  const { id, kind } = unfinished.operation;
  const volumes = plan.disks.map(({ volume }) => volume);
  // the locks of the dead are free: nobody may begin anything while the guest is put right
  await acquireLocks(core, snapshotLocks(plan.instanceId, volumes), { operationId: id, kind });
  return await undoSnapshot(core, plan, id);
};
