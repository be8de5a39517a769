import { withoutCheckpointDisk } from '../../../../model/domain-xml/checkpoint-disks.ts';
import { buildCheckpointXml } from '../../../../model/domain-xml/checkpoint-xml.ts';
import { describeDomain } from '../../../../model/domain-xml/describe-domain.ts';
import { hasCode } from '../../../../model/errors.ts';
import type { CheckpointInfo } from '../../../../model/ports/hypervisor.ts';
import { isOurCheckpoint } from '../../../../model/snapshot/checkpoint-name.ts';
import type { RestorePlan } from '../../../restore-snapshot-plan.ts';
import type { Core } from '../../../support/context.ts';
import { outlastLibvirtRestart } from '../../../support/patience.ts';

/**
 * What our checkpoints told of the old content is told of nothing any more; the one whose bitmap the new file has begins. Those
 * that are changed go into `changed`, as they were, parents first. Nothing where the instance is gone. Idempotent.
 */
export async function beginAnew(core: Core, plan: RestorePlan, changed: CheckpointInfo[]): Promise<void> {
  try {
    await outlastLibvirtRestart(core, async () => {
      await endOld(core, plan, changed);
      await beginNew(core, plan);
    });
  } catch (error) {
    if (!hasCode(error, 'INSTANCE_NOT_FOUND')) throw error;
  }
}

async function endOld({ hypervisor }: Core, plan: RestorePlan, changed: CheckpointInfo[]): Promise<void> {
  const { instanceId, target, checkpoint: own } = plan;
  const known = await hypervisor.listCheckpoints(instanceId);
  // children first: each is told again while the parent that it names is still there
  for (const checkpoint of [...known].reverse()) {
    const { name, targets, xml } = checkpoint;
    if (name === own || !isOurCheckpoint(name) || !targets.includes(target)) continue;
    changed.unshift(checkpoint);
    if (targets.length === 1) await hypervisor.deleteCheckpoint(instanceId, name, { isMetadataOnly: true });
    else await hypervisor.redefineCheckpoint(instanceId, withoutCheckpointDisk(xml, target));
  }
}

/** Told plainly: libvirt validates only for a domain that runs. */
async function beginNew({ hypervisor, clock }: Core, plan: RestorePlan): Promise<void> {
  const { instanceId, target, checkpoint: name } = plan;
  if (name === null) return;
  const known = await hypervisor.listCheckpoints(instanceId);
  if (known.some((checkpoint) => checkpoint.name === name)) return;
  const { disks } = describeDomain(await hypervisor.getDomainXml(instanceId, { isInactive: true }));
  const allTargets = disks.filter(({ device }) => device === 'disk').map((disk) => disk.target);
  const creationTime = Math.floor(clock.now().getTime() / 1000);
  const parent = lastOf(known);
  await hypervisor.redefineCheckpoint(
    instanceId,
    buildCheckpointXml({ name, parent, targets: [target], allTargets, creationTime }),
  );
}

/** The newest that none follows. */
function lastOf(checkpoints: readonly CheckpointInfo[]): string | null {
  const parents = new Set(checkpoints.map(({ parent }) => parent));
  const leaves = checkpoints.filter(({ name }) => !parents.has(name));
  const last = leaves.reduce<CheckpointInfo | null>(
    (newest, each) => (newest === null || each.creationTime >= newest.creationTime ? each : newest),
    null,
  );
  return last?.name ?? null;
}

/** The old content has its bitmaps still. Where this fails, the next snapshot compares: so it stops nothing. */
export async function goOnAsBefore(core: Core, plan: RestorePlan, changed: readonly CheckpointInfo[]): Promise<void> {
  const { instanceId, checkpoint } = plan;
  try {
    if (checkpoint !== null) await core.hypervisor.deleteCheckpoint(instanceId, checkpoint, { isMetadataOnly: true });
    for (const { xml } of changed) await core.hypervisor.redefineCheckpoint(instanceId, xml);
  } catch (error) {
    core.log.warn({ instanceId, error: String(error) }, 'checkpoints could not be put back after a restore failed');
  }
}
