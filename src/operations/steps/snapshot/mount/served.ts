import path from 'node:path';
import type { ServePlan } from '../../../serve-plan.ts';
import type { Core, OperationContext } from '../../../support/context.ts';

/** Where an operation of this host shows a snapshot: `<state dir>/mounts/<operation>.<ending>`. For us alone. */
export async function servedPath(context: OperationContext, ending: 'sock' | 'raw' | 'scratch'): Promise<string> {
  const folder = path.join(context.settings.stateDir, 'mounts');
  await context.files.makeDirectory(folder, { mode: 0o700 });
  return path.join(folder, `${context.operation.id}.${ending}`);
}

/** Whatever is left of a snapshot that was served goes, in whatever state it is. */
export async function removeServed(core: Core, plan: ServePlan): Promise<void> {
  if (plan.directory !== null) await core.mounts.unmount(plan.directory);
  if (plan.server !== null) await core.processes.kill(plan.server);
  if (plan.filePath !== null) await core.mounts.unmount(plan.filePath);
  for (const file of [plan.socketPath, plan.filePath, plan.scratchPath]) {
    if (file !== null) await core.files.remove(file);
  }
}
