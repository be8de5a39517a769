import path from 'node:path';
import { isInside } from '../../../model/domain-xml/host-paths.ts';
import { listMedia, type Relocation } from '../../../model/domain-xml/relocate-domain.ts';
import type { ShelvedDisk, ShelvedFile, ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';
import { instanceFolder } from '../launch/instance-folder.ts';

export interface Placed<What> {
  readonly what: What;
  /** Where it will lie on this host. */
  readonly path: string;
}

/** Where everything of a shelved machine goes on this host. */
export interface Placement {
  readonly disks: readonly Placed<ShelvedDisk>[];
  readonly files: readonly Placed<ShelvedFile>[];
  /** The folder of an instance that Darkroom launched; null for others. */
  readonly folder: string | null;
  readonly relocation: Relocation;
}

export interface PlacementWish {
  readonly diskDir: string | null;
  readonly networks: Readonly<Record<string, string>>;
}

/** Each file where it lay, unless it is in the instance's own folder, which may be elsewhere here, or a folder is named. */
export async function placeMachine(
  core: Core,
  { record, xml }: { readonly record: ShelvedInstance; readonly xml: string },
  wish: PlacementWish,
): Promise<Placement> {
  const { made } = record;
  const folder = made === null ? null : instanceFolder(core, record.id);
  const here = (file: string): string =>
    made !== null && folder !== null && isInside(file, made.folder) ? path.join(folder, path.basename(file)) : file;
  const disks = placeDisks(record, wish.diskDir, here);
  const files = record.files.map((file) => ({ what: file, path: here(file.path) }));
  const moved = [...disks, ...files].filter((placed) => placed.path !== placed.what.path);
  return {
    disks,
    files,
    folder,
    relocation: {
      files: new Map(moved.map((placed) => [placed.what.path, placed.path])),
      networks: new Map(Object.entries(wish.networks)),
      flattened: record.disks.filter(({ basePath }) => basePath !== null).map(({ target }) => target),
      missingMedia: await listMissingMedia(core, record, xml),
    },
  };
}

function placeDisks(
  { disks }: ShelvedInstance,
  diskDir: string | null,
  here: (file: string) => string,
): Placed<ShelvedDisk>[] {
  if (diskDir === null) return disks.map((disk) => ({ what: disk, path: here(disk.path) }));
  const names = disks.map((disk) => path.basename(disk.path));
  return disks.map((disk, index) => {
    const name = names[index] ?? disk.target;
    const isTaken = names.indexOf(name) !== index;
    return { what: disk, path: path.join(diskDir, isTaken ? `${disk.target}-${name}` : name) };
  });
}

/** What comes back itself, such as a seed, is not missing. */
async function listMissingMedia(core: Core, record: ShelvedInstance, xml: string): Promise<string[]> {
  const missing: string[] = [];
  for (const medium of listMedia(xml)) {
    if (record.files.some((file) => file.path === medium)) continue;
    if ((await core.files.stat(medium)) === null) missing.push(medium);
  }
  return missing;
}
