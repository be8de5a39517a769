import path from 'node:path';
import { DarkroomError } from '../../model/errors.ts';
import { formatBytes } from '../../model/format-bytes.ts';
import type { Core } from '../support/context.ts';
import { makeRoom } from './make-room.ts';

export interface SpaceNeed {
  /** File or folder that will be written; need not exist yet. */
  readonly path: string;
  readonly bytes: number;
  /** As in "for the image". */
  readonly what: string;
  /** Stays free besides, on that file system, where it is more than the reserve. */
  readonly leftBytes?: number;
}

interface FileSystemNeed {
  readonly place: string;
  readonly device: number;
  readonly bytes: number;
  readonly reserveBytes: number;
  readonly whats: readonly string[];
}

/**
 * NO_SPACE (fields: `neededBytes`, which tells it from a disk that filled up) unless every file system has room for all that is wanted of it, and its
 * reserve besides. Deleted images that could be brought back go where that makes the room.
 */
export async function checkSpace(core: Core, needs: readonly SpaceNeed[]): Promise<void> {
  for (const need of await sumByFileSystem(core, needs)) {
    const wantedBytes = need.bytes + need.reserveBytes;
    const freeBytes = await core.files.freeBytes(need.place);
    if (freeBytes >= wantedBytes) continue;
    const { place, device } = need;
    const roomBytes = await makeRoom(core, { place, device, wantedBytes, freeBytes });
    if (roomBytes < wantedBytes) throw noSpace(need, roomBytes);
  }
}

async function sumByFileSystem(core: Core, needs: readonly SpaceNeed[]): Promise<readonly FileSystemNeed[]> {
  const sums = new Map<number, FileSystemNeed>();
  for (const { path: wanted, bytes, what, leftBytes = 0 } of needs) {
    const { place, device } = await nearestExisting(core, wanted);
    const sum = sums.get(device) ?? { place, device, bytes: 0, reserveBytes: core.settings.reserveBytes, whats: [] };
    sums.set(device, {
      place: sum.place,
      device,
      bytes: sum.bytes + bytes,
      reserveBytes: Math.max(sum.reserveBytes, leftBytes),
      whats: [...new Set([...sum.whats, what])],
    });
  }
  return [...sums.values()];
}

async function nearestExisting(
  core: Core,
  wanted: string,
): Promise<{ readonly place: string; readonly device: number }> {
  const stat = await core.files.stat(wanted);
  if (stat?.kind === 'file' || stat?.kind === 'directory') return { place: wanted, device: stat.device };
  const parent = path.dirname(wanted);
  if (parent !== wanted) return await nearestExisting(core, parent);
  throw new DarkroomError('INTERNAL', `${wanted} lies on no file system that can be measured`);
}

function noSpace(need: FileSystemNeed, freeBytes: number): DarkroomError {
  const { reserveBytes } = need;
  return new DarkroomError(
    'NO_SPACE',
    `There is too little space at ${need.place} for ${need.whats.join(' and ')}: ${formatBytes(need.bytes)} needed, ` +
      `${formatBytes(freeBytes)} free, of which ${formatBytes(reserveBytes)} stay in reserve. ` +
      'Free some, or use a larger file system.',
    { fields: { path: need.place, neededBytes: need.bytes, freeBytes, reserveBytes } },
  );
}
