import type { CaptureDisk, CapturePlan } from '../../capture-plan.ts';
import type { Core } from '../../support/context.ts';
import { measureOverlays } from './overlay-space.ts';

export interface CommitPace {
  /** For a job that starts now; 0: unlimited. */
  choose(): Promise<number>;
  /** While the job runs: lifts its limit where the space runs out. Never throws. */
  adapt(): Promise<void>;
}

/**
 * A commit keeps to its limit as long as there is room: the guest goes on writing into its overlay until the commit has caught up,
 * so where space is short the only help is to finish sooner.
 */
export function createCommitPace(
  core: Core,
  { plan, disk, onNote }: { plan: CapturePlan; disk: CaptureDisk; onNote: (note: string) => void },
): CommitPace {
  let isLimited = core.settings.commitBandwidthBytesPerSecond > 0;
  const lift = (): void => {
    isLimited = false;
    onNote(
      `The space for the overlays of ${plan.instanceName} ran low: disk ${disk.target} was committed without its limit (commit_bandwidth).`,
    );
  };
  const isShort = async (): Promise<boolean> => (await measureOverlays(core, plan.disks)).shortage !== null;
  return {
    async choose() {
      if (isLimited && (await isShort())) lift();
      return isLimited ? core.settings.commitBandwidthBytesPerSecond : 0;
    },
    async adapt() {
      if (!isLimited) return;
      try {
        if (!(await isShort())) return;
        await core.hypervisor.setBlockJobSpeed(plan.instanceId, disk.target, 0);
        lift();
      } catch (error) {
        // a job that has just ended has no speed; any other is asked again at the next look
        core.log.warn({ target: disk.target, error: String(error) }, 'the limit of a commit could not be lifted');
      }
    },
  };
}
