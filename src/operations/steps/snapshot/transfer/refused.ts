import { DarkroomError, hasCode } from '../../../../model/errors.ts';
import type { HeldFile } from '../../../../model/ports/host.ts';
import type { Core } from '../../../support/context.ts';
import { holdSource } from '../../transfer/transfer-path.ts';

/** The file could not be taken in as a chain of snapshots. */
export function refused(source: string, reason: string, cause?: unknown): DarkroomError {
  return new DarkroomError('SNAPSHOT_REJECTED', `${source} cannot be imported: ${reason}.`, {
    fields: { path: source, reason },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Opens what an import names, by the rules for the paths of an import. SNAPSHOT_REJECTED when it is no file that can be read. */
export async function holdArchive(core: Core, source: string): Promise<HeldFile> {
  const held = await holdSource(core, source).catch((error: unknown) => {
    throw hasCode(error, 'IMAGE_REJECTED') ? refused(source, String(error.fields['reason']), error) : error;
  });
  if (held.stat.kind === 'file') return held;
  await held[Symbol.asyncDispose]();
  throw refused(source, 'it is not a regular file');
}
