import path from 'node:path';
import { DarkroomError } from '../../../model/errors.ts';
import type { OperationContext } from '../../support/context.ts';
import type { UnshelvePlan } from '../../unshelve-plan.ts';

/**
 * Makes one file that an undo may remove, and that is provably ours: under a name with the operation's id until it is whole, and by its
 * inode afterwards. NAME_TAKEN, and not ours to remove, when something is there, also when it came just now.
 */
export async function makeOwn(
  context: OperationContext,
  plan: UnshelvePlan,
  file: string,
  make: (partial: string) => Promise<void>,
): Promise<void> {
  const { files, operation } = context;
  if ((await files.stat(file)) !== null) throw taken(file);
  const partial = path.join(path.dirname(file), `.${operation.id}-${plan.files.length}.partial`);
  const own: UnshelvePlan['files'][number] = { path: file, partial, inode: null };
  plan.files.push(own);
  await operation.enter(STEP, plan);
  await make(partial);
  await files.sync(partial);
  own.inode = (await files.stat(partial))?.inode ?? null;
  await operation.enter(STEP, plan);
  await giveName(context, partial, file);
  await files.sync(path.dirname(file));
}

const STEP = 'bring';

/** A link never replaces what is there; where there are none, a look has to do. */
async function giveName({ files }: OperationContext, partial: string, file: string): Promise<void> {
  const isLinked = await files.tryLink(partial, file).catch((error: unknown) => {
    throw isExisting(error) ? taken(file, error) : error;
  });
  if (isLinked) return await files.remove(partial);
  if ((await files.stat(file)) !== null) throw taken(file);
  await files.rename(partial, file);
}

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
