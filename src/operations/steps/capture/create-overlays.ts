import path from 'node:path';
import type { CapturePlan } from '../../capture-plan.ts';
import type { OperationContext } from '../../support/context.ts';

const OVERLAY_MODE = 0o600;
/** QEMU's user must be able to pass, and need not see what else there is. */
const FOLDER_MODE = 0o711;

/** One empty overlay beside each disk, made before the freeze so that the guest need not wait for it. */
export async function createOverlays(context: OperationContext, plan: CapturePlan, signal: AbortSignal): Promise<void> {
  for (const disk of plan.disks) {
    if (disk.overlayPath === null) continue;
    await ensureFolder(context, path.dirname(disk.overlayPath));
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

/** The folder for overlays of block devices comes into being with the first one. */
async function ensureFolder(context: OperationContext, folder: string): Promise<void> {
  if ((await context.files.stat(folder)) !== null) return;
  await context.files.makeDirectory(folder, { mode: FOLDER_MODE });
}
