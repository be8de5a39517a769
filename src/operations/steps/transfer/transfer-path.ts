import path from 'node:path';
import { DarkroomError } from '../../../model/errors.ts';
import type { HeldFile } from '../../../model/ports/host.ts';
import type { Core } from '../../support/context.ts';

/**
 * Opens a file or folder that an import names. Where the caller acts with our rights instead of its own, what was
 * really opened must lie in a folder that is configured for that: PATH_NOT_ALLOWED. IMAGE_REJECTED when it cannot be read.
 */
export async function holdSource(core: Core, source: string): Promise<HeldFile> {
  if (!core.caller.isTrustedWithPaths) await requireAllowed(core, path.resolve(source));
  const held = await openSource(core, source);
  try {
    await requireAllowed(core, held.realPath);
    return held;
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
}

async function openSource(core: Core, source: string): Promise<HeldFile> {
  const held = await core.files.hold(source).catch((cause: unknown) => {
    throw rejected(source, `cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  });
  if (held === null) throw rejected(source, 'does not exist');
  return held;
}

/** Where an export may write: the real path of the target, whose folder exists and which does not itself. */
export async function resolveTarget(core: Core, target: string): Promise<string> {
  const wanted = path.resolve(target);
  if (!core.caller.isTrustedWithPaths) await requireAllowed(core, wanted);
  await using folder = await core.files.hold(path.dirname(wanted));
  if (folder?.stat.kind !== 'directory') {
    throw new DarkroomError(
      'INVALID_REQUEST',
      `There is no folder ${path.dirname(wanted)} to export to: create it first.`,
      {
        fields: { path: wanted },
      },
    );
  }
  const resolved = path.join(folder.realPath, path.basename(wanted));
  await requireAllowed(core, resolved);
  await requireAbsent(core, resolved);
  return resolved;
}

/** NAME_TAKEN when something is there: an export overwrites nothing. */
export async function requireAbsent(core: Core, target: string): Promise<void> {
  const names = await core.files.list(path.dirname(target));
  if (!names.includes(path.basename(target))) return;
  throw new DarkroomError(
    'NAME_TAKEN',
    `${target} exists already, and an export overwrites nothing: name another path.`,
    {
      fields: { path: target },
    },
  );
}

/** PATH_NOT_ALLOWED where the caller acts with our rights and names a path outside the folders that are configured for that. */
export async function requireAllowed(core: Core, file: string): Promise<void> {
  if (core.caller.isTrustedWithPaths) return;
  const { transferDirs } = core.settings;
  for (const directory of transferDirs) {
    await using held = await core.files.hold(directory);
    const folders = held === null ? [directory] : [directory, held.realPath];
    if (folders.some((folder) => isInside(folder, file))) return;
  }
  const allowed = transferDirs.length === 0 ? 'none is configured (transfer_dirs)' : transferDirs.join(', ');
  throw new DarkroomError(
    'PATH_NOT_ALLOWED',
    `${file} is not in a folder that the agent may import from and export to: ${allowed}.`,
    { fields: { path: file } },
  );
}

function isInside(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== '' && relative !== '..' && !relative.startsWith('../') && !path.isAbsolute(relative);
}

/** The path could not be taken in as an image. */
export function rejected(source: string, reason: string, cause?: unknown): DarkroomError {
  return new DarkroomError('IMAGE_REJECTED', `${source} cannot be imported: it ${reason}.`, {
    fields: { path: source, reason },
    ...(cause === undefined ? {} : { cause }),
  });
}
