import type { HeldFile } from '../../../model/ports/host.ts';
import type { ImageDraft } from '../../../model/ports/image-store.ts';
import type { OperationContext } from '../../support/context.ts';
import { createCopyTurns } from '../../support/copy-turns.ts';
import { checkSpace } from '../check-space.ts';
import type { SourceDisk } from './inspect-source.ts';
import { rejected } from './transfer-path.ts';

/** Name in the draft of what is only looked at and copied from. */
const STAGED_FILE = 'import-source';
/** Group and others may write. */
const WRITABLE_BY_OTHERS = 0o022;

export interface TakenDisk extends AsyncDisposable {
  readonly held: HeldFile;
  /** Where a private copy lies; null: the source itself is read. */
  readonly stagedPath: string | null;
  /** The private copy shares its blocks with the source, and so cost nothing. */
  readonly isClone: boolean;
}

/**
 * Makes sure that what is inspected is what is copied. A file that somebody else can write to might be given another header in
 * between, one that names a file of the host: of such a one a private copy is taken first. Raw content has no header.
 */
export async function takeIn(
  context: OperationContext,
  work: { readonly draft: ImageDraft; readonly source: SourceDisk },
  signal: AbortSignal,
): Promise<TakenDisk> {
  const { draft, source } = work;
  const untouched: TakenDisk = {
    ...source,
    stagedPath: null,
    isClone: false,
    [Symbol.asyncDispose]: async () => undefined,
  };
  if (source.format === 'raw') return untouched;
  const stagedPath = draft.path(STAGED_FILE);
  if (await context.files.tryClone(source.held.heldPath, stagedPath)) return await hold(context, stagedPath, true);
  if (!(await canOthersWrite(context, source.held))) return untouched;
  await copyPrivately(context, { source, stagedPath }, signal);
  return await hold(context, stagedPath, false);
}

async function canOthersWrite(context: OperationContext, held: HeldFile): Promise<boolean> {
  const ourselves = await context.files.stat('/proc/self');
  const isOurs = held.stat.uid === 0 || held.stat.uid === ourselves?.uid;
  return !context.caller.isTrustedWithPaths || !isOurs || (held.stat.mode & WRITABLE_BY_OTHERS) !== 0;
}

async function copyPrivately(
  context: OperationContext,
  copy: { readonly source: SourceDisk; readonly stagedPath: string },
  signal: AbortSignal,
): Promise<void> {
  const { source, stagedPath } = copy;
  const bytes = source.held.stat.allocatedBytes;
  await checkSpace(context, [{ path: stagedPath, bytes, what: 'a private copy of the file' }]);
  // as raw: the bytes as they are, with holes left out, and nothing in them is believed
  const turns = createCopyTurns(context, { step: 'copy', signal });
  await turns.take(() =>
    context.diskTool.convert(
      {
        source: { path: source.held.heldPath, format: 'raw' },
        target: { path: stagedPath, format: 'raw' },
        bandwidthBytesPerSecond: context.settings.copyBandwidthBytesPerSecond,
      },
      signal,
    ),
  );
}

async function hold(context: OperationContext, stagedPath: string, isClone: boolean): Promise<TakenDisk> {
  const held = await context.files.hold(stagedPath);
  if (held === null) throw rejected(stagedPath, 'vanished while it was taken in');
  return { held, stagedPath, isClone, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
}
