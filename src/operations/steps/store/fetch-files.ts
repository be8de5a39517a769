import { mapConcurrently } from '../../../lib/async.ts';
import type { Image } from '../../../model/image.ts';
import { type CopiedFile, listImageFiles } from '../../../model/image-copy.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { OperationContext } from '../../support/context.ts';
import { TransferProgress } from './transfer-progress.ts';

interface FetchOptions {
  readonly signal: AbortSignal;
  /** What the operation goes on with. */
  readonly step: string;
}

interface ImageFetchOptions extends FetchOptions {
  /** Besides those that the manifest names. */
  readonly others?: readonly Pick<CopiedFile, 'file' | 'sizeBytes'>[];
  /** Also what is here already. */
  readonly isFresh?: boolean;
  /** Those that go elsewhere without a copy on the way. */
  readonly without?: readonly string[];
}

/**
 * Brings the files of an image to this host where its store is elsewhere, so that whoever asks for them next has them at once.
 * Nothing where they lie here. CANCELLED, NO_SPACE, STORE_UNUSABLE, IMAGE_DAMAGED.
 */
export async function fetchImage(
  context: OperationContext,
  image: Image,
  { signal, step, others = [], isFresh = false, without = [] }: ImageFetchOptions,
): Promise<void> {
  const { store, settings } = context;
  if (store.keepsFilesHere) return;
  const progress = new TransferProgress(context, 'fetch');
  const wanted = [...listImageFiles(image), ...others].filter(({ file }) => !without.includes(file));
  const files = wanted.map(({ file, sizeBytes }) => ({ file, onBytes: progress.addFile(sizeBytes) }));
  await mapConcurrently(files, settings.maxConcurrentCopies, ({ file, onBytes }) =>
    store.resolveFile(image.id, file, { signal, onBytes, isFresh }),
  );
  await progress.backTo(step);
}

/** The same for a snapshot and all that it stands on, `chain`. Returns its path. SNAPSHOT_DAMAGED. */
export async function fetchSnapshot(
  context: OperationContext,
  snapshot: Pick<SnapshotRecord, 'id' | 'volume'>,
  { signal, step, chain }: FetchOptions & { readonly chain: readonly Pick<SnapshotRecord, 'sizeBytes'>[] },
): Promise<string> {
  const progress = new TransferProgress(context, 'fetch');
  const onBytes = progress.addFile(chain.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  const path = await context.snapshots.resolveFile(snapshot, { signal, onBytes });
  await progress.backTo(step);
  return path;
}
