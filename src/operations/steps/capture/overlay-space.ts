import path from 'node:path';
import type { FileStat } from '../../../model/ports/host.ts';
import type { CaptureDisk } from '../../capture-plan.ts';
import type { Core } from '../../support/context.ts';

export interface OverlaySpace {
  /** Bytes that each overlay takes, by target; those that are there. */
  readonly overlayBytes: ReadonlyMap<string, number>;
  /** The file system that runs out of space first; null while all have enough. */
  readonly shortage: Shortage | null;
}

export interface Shortage {
  /** Folder on the file system. */
  readonly place: string;
  /** Disks whose overlay or base lies there. */
  readonly targets: readonly string[];
  readonly freeBytes: number;
  readonly overlayBytes: number;
  /** What the bases there may grow by when the overlays are committed. */
  readonly commitBytes: number;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * What the overlays take, and whether each file system that they or their bases lie on has room for the commits and
 * `overlayLowSpaceBytes` besides. A stat and a statfs for each: cheap enough to be asked four times a second. The figures of the
 * file system are what decides ENOSPC, so libvirt's own (virDomainGetBlockInfo) are not asked for.
 */
export async function measureOverlays(core: Core, disks: readonly CaptureDisk[]): Promise<OverlaySpace> {
  const overlayBytes = new Map<string, number>();
  const places = new Map<number, Mutable<Shortage>>();
  const placeOf = (file: string, { device }: FileStat, target: string): Mutable<Shortage> => {
    const known = places.get(device);
    const place = known ?? { place: path.dirname(file), targets: [], freeBytes: 0, overlayBytes: 0, commitBytes: 0 };
    places.set(device, place);
    if (!place.targets.includes(target)) place.targets = [...place.targets, target];
    return place;
  };
  for (const disk of disks) {
    const overlay = disk.overlayPath === null ? null : await core.files.stat(disk.overlayPath);
    if (disk.overlayPath === null || overlay === null) continue;
    overlayBytes.set(disk.target, overlay.allocatedBytes);
    placeOf(disk.overlayPath, overlay, disk.target).overlayBytes += overlay.allocatedBytes;
    const base = await core.files.stat(disk.path);
    if (base?.kind !== 'file') continue;
    placeOf(disk.path, base, disk.target).commitBytes += growthOf(disk, { base, overlay });
  }
  return { overlayBytes, shortage: await findShortage(core, [...places.values()]) };
}

/** All that is in the overlay may be new to the base; a raw one never gets longer than it is. */
function growthOf({ format }: CaptureDisk, { base, overlay }: { base: FileStat; overlay: FileStat }): number {
  if (format !== 'raw') return overlay.allocatedBytes;
  return Math.min(overlay.allocatedBytes, Math.max(0, base.sizeBytes - base.allocatedBytes));
}

async function findShortage(core: Core, places: readonly Mutable<Shortage>[]): Promise<Shortage | null> {
  for (const place of places) {
    place.freeBytes = await core.files.freeBytes(place.place);
    if (place.freeBytes < place.commitBytes + core.settings.overlayLowSpaceBytes) return place;
  }
  return null;
}
