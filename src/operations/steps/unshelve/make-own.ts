import { DarkroomError } from '../../../model/errors.ts';
import type { OperationContext } from '../../support/context.ts';
import type { UnshelvePlan } from '../../unshelve-plan.ts';

/** Makes one file that an undo may remove. NAME_TAKEN, and not ours to remove, when something is there. */
export async function makeOwn(
  context: OperationContext,
  plan: UnshelvePlan,
  file: string,
  make: () => Promise<void>,
): Promise<void> {
  if ((await context.files.stat(file)) !== null) throw taken(file);
  plan.files.push(file);
  await context.operation.enter(STEP, plan);
  try {
    await make();
  } catch (error) {
    if (!isExisting(error)) throw error;
    plan.files.splice(plan.files.indexOf(file), 1);
    throw taken(file, error);
  }
}

const STEP = 'bring';

function isExisting(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}

function taken(file: string, cause?: unknown): DarkroomError {
  return new DarkroomError(
    'NAME_TAKEN',
    `${file} exists already, and nothing is overwritten. Move it away, or name a folder with --disk-dir.`,
    {
      fields: { path: file },
      cause,
    },
  );
}
