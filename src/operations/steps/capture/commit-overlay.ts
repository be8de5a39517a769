import { readDiskPaths } from '../../../model/domain-xml/disk-sources.ts';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { BlockJobInfo } from '../../../model/ports/hypervisor.ts';
import type { CaptureDisk, CapturePlan } from '../../capture-plan.ts';
import type { Core } from '../../support/context.ts';
import { outlastLibvirtRestart } from '../../support/patience.ts';
import { type CommitPace, createCommitPace } from './commit-pace.ts';

const FIRST_POLL_MS = 10;
const LONGEST_POLL_MS = 250;
const ATTEMPTS = 3;
/** Looks at a commit that is done and has no mirror: libvirt answers for job and XML one after the other. */
const LOST_MIRROR_LOOKS = 8;

export interface CommitOptions {
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  /** What a person should know. */
  readonly onNote?: (note: string) => void;
  /** Journals the plan. */
  readonly save?: () => Promise<void>;
}

/**
 * Brings one disk of a running guest back from its overlay onto the disk itself: active commit, pivot. What counts is
 * where libvirt says the disk is, never that a job is no longer there.
 */
export async function commitOverlay(
  core: Core,
  plan: CapturePlan,
  disk: CaptureDisk & { readonly overlayPath: string },
  options: CommitOptions = {},
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await outlastLibvirtRestart(core, () => commitOnce(core, plan, disk, options));
      return;
    } catch (error) {
      if (attempt === ATTEMPTS || !hasCode(error, 'LIBVIRT_FAILED', 'COMMIT_FAILED')) throw error;
      core.log.warn({ target: disk.target, attempt, error: String(error) }, 'a commit failed and is tried again');
    }
  }
}

async function commitOnce(
  core: Core,
  plan: CapturePlan,
  disk: CaptureDisk & { readonly overlayPath: string },
  options: CommitOptions,
): Promise<void> {
  const { hypervisor } = core;
  if ((await currentPath(core, plan, disk)) !== disk.overlayPath) return;
  const pace = createCommitPace(core, { plan, disk, onNote: options.onNote ?? (() => undefined) });
  if ((await hypervisor.getBlockJob(plan.instanceId, disk.target)) === null) {
    await hypervisor.startActiveCommit(plan.instanceId, {
      target: disk.target,
      base: disk.path,
      top: disk.overlayPath,
      bandwidthBytesPerSecond: await pace.choose(),
    });
  }
  const job = await waitUntilReady(core, plan, disk, { ...options, pace });
  if (job !== null) {
    disk.mayBePivoted = true;
    // best effort: a journal that cannot be written must not keep a guest on its overlay
    await options
      .save?.()
      .catch((error: unknown) => core.log.warn({ error: String(error) }, 'a pivot is not on record'));
    await hypervisor.pivotBlockJob(plan.instanceId, disk.target);
  }
  const path = await currentPath(core, plan, disk);
  if (path === disk.path) return;
  throw new DarkroomError(
    'COMMIT_FAILED',
    `Disk ${disk.target} of ${plan.instanceName} is still on ${path ?? 'nothing'} after its overlay was committed.`,
    { fields: { instanceId: plan.instanceId, target: disk.target, path: path ?? '' } },
  );
}

async function currentPath(core: Core, plan: CapturePlan, disk: CaptureDisk): Promise<string | undefined> {
  return readDiskPaths(await core.hypervisor.getDomainXml(plan.instanceId)).get(disk.target);
}

/** null when the job went away by itself. */
async function waitUntilReady(
  core: Core,
  plan: CapturePlan,
  disk: CaptureDisk,
  { onProgress, pace }: CommitOptions & { readonly pace: CommitPace },
): Promise<BlockJobInfo | null> {
  let lostLooks = 0;
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS)) {
    const job = await core.hypervisor.getBlockJob(plan.instanceId, disk.target);
    if (job === null || job.isReady) return job;
    if (job.type !== 'active-commit') throw foreignJob(plan, disk, job);
    lostLooks = isLostButDone(job) ? lostLooks + 1 : 0;
    if (lostLooks === LOST_MIRROR_LOOKS) return job;
    onProgress?.({ done: job.done, total: job.total });
    await pace.adapt();
    await core.clock.sleep(pollMs);
  }
}

/**
 * A libvirt that died between QEMU's start of the commit and its own note of the mirror finds the job again and never
 * shows it as ready. It knows by itself whether it is, and pivots only then; to abort such a job would crash libvirt 9.
 */
function isLostButDone({ hasMirror, done, total }: BlockJobInfo): boolean {
  return !hasMirror && done === total;
}

function foreignJob(plan: CapturePlan, disk: CaptureDisk, job: BlockJobInfo): DarkroomError {
  return new DarkroomError(
    'INSTANCE_BUSY',
    `Disk ${disk.target} of ${plan.instanceName} has a ${job.type} job that is not ours; its overlay stays until that has ended.`,
    { fields: { instanceId: plan.instanceId, target: disk.target, job: job.type } },
  );
}
