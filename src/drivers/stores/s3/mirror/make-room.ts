import { DarkroomError } from '../../../../model/errors.ts';
import { freeBytes } from '../../files/free-bytes.ts';
import type { MirrorContext } from './context.ts';
import { evict } from './evict.ts';
import { listCopies } from './list-copies.ts';
import { dropStalePins } from './stale-pins.ts';

/** For so many bytes more: within the limit as far as copies may go, and on the file system in any case. NO_SPACE. */
export async function makeRoom(context: MirrorContext, wantedBytes: number): Promise<void> {
  const { rootPath, limitBytes } = context;
  const arrivingBytes = sum([...context.arriving.values()]);
  const usedBytes = sum((await listCopies(rootPath)).map(({ sizeBytes }) => sizeBytes));
  const excessBytes = usedBytes + arrivingBytes + wantedBytes - limitBytes;
  const isShort = wantedBytes > (await freeBytes(rootPath));
  if (excessBytes > 0 || isShort) await dropStalePins(context);
  if (excessBytes > 0) await evict(rootPath, excessBytes);

  const missingBytes = wantedBytes - (await freeBytes(rootPath));
  if (missingBytes <= 0) return;
  await evict(rootPath, missingBytes);
  await requireFree(rootPath, wantedBytes);
}

async function requireFree(rootPath: string, wantedBytes: number): Promise<void> {
  const free = await freeBytes(rootPath);
  if (free >= wantedBytes) return;
  const message =
    `A copy of ${wantedBytes} bytes does not fit below ${rootPath}, where ${free} are free: ` +
    'free some, or set cache_dir to a larger file system';
  throw new DarkroomError('NO_SPACE', message, { fields: { path: rootPath, wantedBytes, freeBytes: free } });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
