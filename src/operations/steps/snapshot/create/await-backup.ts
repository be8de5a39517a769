import { DarkroomError, hasCode } from '../../../../model/errors.ts';
import { formatBytes } from '../../../../model/format-bytes.ts';
import type { BackupJob } from '../../../../model/ports/hypervisor.ts';
import type { SnapshotPlan } from '../../../snapshot-plan.ts';
import type { Core, OperationContext } from '../../../support/context.ts';
import { outlastLibvirtRestart, throwIfCancelled } from '../../../support/patience.ts';
import { findDomain, isLive } from '../../capture/look-at-domain.ts';

const FIRST_POLL_MS = 10;
const LAST_POLL_MS = 250;
const POLL_GROWTH = 1.5;
const WATCHING_POLL_MS = 50;
const ABORT_PATIENCE_MS = 60_000;
const ENDING_PATIENCE_MS = 30_000;

export interface BackupWatch {
  readonly signal: AbortSignal;
  /** Files for which no room could be reserved. */
  readonly watched: readonly string[];
}

/** Waits until the backup job has ended, and ended well: BACKUP_FAILED. That it is gone says nothing of how it went. */
export async function awaitBackup(
  context: OperationContext,
  plan: SnapshotPlan,
  { signal, watched }: BackupWatch,
): Promise<void> {
  const lastPollMs = watched.length === 0 ? LAST_POLL_MS : WATCHING_POLL_MS;
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * POLL_GROWTH, lastPollMs)) {
    throwIfCancelled(signal);
    for (const path of watched) await requireRoom(context, path);
    const job = await lookAtBackup(context, plan);
    if (job === null) break;
    if (pollMs > FIRST_POLL_MS) await context.operation.report({ done: job.done, total: job.total, unit: 'bytes' });
    await context.clock.sleep(pollMs);
  }
  await context.operation.report(null);
  const outcome = await context.hypervisor.takeBackupOutcome(plan.instanceId);
  if (outcome === 'completed') return;
  throw new DarkroomError(
    'BACKUP_FAILED',
    `QEMU did not finish writing the snapshot of ${plan.instanceName} (${outcome}): the guest was stopped, libvirt was restarted, or ` +
      `there was no room beside its disks. Look at /var/log/libvirt/qemu/${plan.instanceName}.log, and try again.`,
    { fields: { instanceId: plan.instanceId, outcome } },
  );
}

/** NO_SPACE as long as there is room left for what the guest writes until the job has ended. */
async function requireRoom({ files, settings }: OperationContext, path: string): Promise<void> {
  const freeBytes = await files.freeBytes(path);
  if (freeBytes >= settings.overlayLowSpaceBytes) return;
  throw new DarkroomError(
    'NO_SPACE',
    `Only ${formatBytes(freeBytes)} are left at ${path}, where QEMU writes the snapshot: it was given up before the guest would notice.`,
    { fields: { path, freeBytes } },
  );
}

/** Ends the backup job that writes to files of that plan, and nobody else's. */
export async function endBackup(core: Core, plan: SnapshotPlan): Promise<void> {
  const ours = plan.disks.map(({ stagingPath }) => stagingPath);
  const isOurs = async (): Promise<boolean> => {
    const job = await lookAtBackup(core, plan);
    return job?.paths.some((path) => ours.includes(path)) ?? false;
  };
  if (!(await isOurs())) return;
  await outlastLibvirtRestart(core, () => core.hypervisor.abortBackup(plan.instanceId));
  const deadline = core.clock.monotonicMs() + ABORT_PATIENCE_MS;
  while (await isOurs()) {
    if (core.clock.monotonicMs() > deadline) throw stuck(plan);
    await core.clock.sleep(LAST_POLL_MS);
  }
}

/** null: none runs, as with a guest that is off or gone. Until one that ends just now is off, libvirt answers with its broken monitor. */
async function lookAtBackup(core: Core, plan: SnapshotPlan): Promise<BackupJob | null> {
  const deadline = core.clock.monotonicMs() + ENDING_PATIENCE_MS;
  for (;;) {
    try {
      return await outlastLibvirtRestart(core, () => core.hypervisor.getBackup(plan.instanceId));
    } catch (error) {
      if (hasCode(error, 'INSTANCE_NOT_FOUND')) return null;
      if (!hasCode(error, 'LIBVIRT_FAILED')) throw error;
      if (!isLive(await findDomain(core, plan))) return null;
      if (core.clock.monotonicMs() > deadline) throw error;
      await core.clock.sleep(LAST_POLL_MS);
    }
  }
}

function stuck(plan: SnapshotPlan): DarkroomError {
  return new DarkroomError(
    'BACKUP_FAILED',
    `The backup job of ${plan.instanceName} does not end. Look at it: virsh domjobinfo ${plan.instanceName}. Darkroom tries again at ` +
      'its next start.',
    { fields: { instanceId: plan.instanceId } },
  );
}
