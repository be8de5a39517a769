import path from 'node:path';
import type { Image } from '../../src/model/image.ts';
import type { Random } from './random.ts';
import type { Ending } from './see-through.ts';
import { readSector, type SoakGuest } from './soak-guest.ts';

/** What an image has to hold. */
export interface Exhibit {
  readonly name: string;
  readonly guest: SoakGuest;
  /** Its guest's counter before and after the capture; null: not known. */
  readonly least: number;
  readonly most: number | null;
}

/** The images that captures made, and the names of those that there must not be. */
export interface Gallery {
  /** A capture that ended: well, and there is an image, or not, and there is none. */
  add(ending: Ending, exhibit: Exhibit): void;
  /** Somebody tried to delete it: gone, or nobody knows. */
  remove(imageId: string, isCertain: boolean): void;
  pick(random: Random): string | null;
  find(imageId: string): Exhibit | null;
  /** Compared with what there is. */
  judge(images: readonly Image[]): readonly string[];
}

export function createGallery(): Gallery {
  const known = new Map<string, Exhibit>();
  const doubtful = new Set<string>();
  const unwanted = new Set<string>();
  return {
    add: (ending, exhibit) => {
      const imageId = ending.kind === 'ended' ? ending.operation.result.imageId : undefined;
      if (ending.kind === 'ended' && ending.operation.status === 'succeeded' && imageId !== undefined) {
        known.set(imageId, exhibit);
      } else unwanted.add(exhibit.name);
    },
    remove: (imageId, isCertain) => {
      const exhibit = known.get(imageId);
      if (isCertain) known.delete(imageId);
      else doubtful.add(imageId);
      if (isCertain && exhibit !== undefined) unwanted.add(exhibit.name);
    },
    pick: (random) => (known.size === 0 ? null : random.pick([...known.keys()])),
    find: (imageId) => known.get(imageId) ?? null,
    judge: (images) => {
      const there = new Set(images.map(({ id }) => id));
      const lost = [...known.keys()].filter((id) => !there.has(id) && !doubtful.has(id));
      const twice = images.filter(({ name }, index) => images.findIndex((other) => other.name === name) !== index);
      return [
        ...lost.map((id) => `the image ${id} is gone`),
        ...images
          .filter(({ name }) => unwanted.has(name))
          .map(({ id, name }) => `the image ${id} (${name}) should not be`),
        ...images.filter(({ status }) => status !== 'active').map(({ id, status }) => `the image ${id} is ${status}`),
        ...twice.map(({ name }) => `there are two images ${name}: one request was done twice`),
      ];
    },
  };
}

/** What is wrong with an image's disk: it must boot as its guest does, and hold an instant of the time of its capture. */
export async function judgeContent(
  store: string,
  image: Image,
  { guest, least, most }: Exhibit,
): Promise<string | null> {
  const [disk] = image.disks;
  if (disk === undefined) return `the image ${image.id} has no disk`;
  const place = { path: path.join(store, 'images', image.id, disk.file), format: disk.format };
  const counter = (await readSector(place, 1)).readUInt32LE(0);
  if (!(await readSector(place, 0)).equals(await readSector(guest.disk, 0)))
    return `the image ${image.id} does not boot`;
  if (counter >= least && (most === null || counter <= most)) return null;
  return `the image ${image.id} of ${guest.name} holds ${counter}, and was made between ${least} and ${most}`;
}
