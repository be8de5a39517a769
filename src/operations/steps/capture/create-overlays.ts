import type { CapturePlan } from '../../capture-plan.ts';
import type { OperationContext } from '../../support/context.ts';
import { ensureOverlayFolder } from './overlay-place.ts';

const OVERLAY_MODE = 0o600;

/** One empty overlay beside each disk, made before the freeze so that the guest need not wait for it. */
export async function createOverlays(context: OperationContext, plan: CapturePlan, signal: AbortSignal): Promise<void> {
  for (const disk of plan.disks) {
    if (disk.overlayPath === null) continue;
    await ensureOverlayFolder(context, disk);
    await context.diskTool.create(
      {
        path: disk.overlayPath,
        format: 'qcow2',
        backing: { path: disk.path, format: disk.format },
        hasExtendedL2: true,
      },
      signal,
    );
    await context.files.setOwnership(disk.overlayPath, { mode: OVERLAY_MODE });
  }
}
