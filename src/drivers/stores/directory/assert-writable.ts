import { chmod, link, open, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { FOLDER_MODE, imagesFolder } from '../documents/layout.ts';
import { snapshotsFolder, volumeFolder } from '../documents/snapshot-layout.ts';
import { makeFolders, syncFolder } from '../files/durable-files.ts';
import { IMAGE_FILE_MODE, SECRET_FILE_MODE } from '../files/file-modes.ts';
import { withStoreErrors } from '../files/store-errors.ts';
import type { StoreContext } from './context.ts';
import { withProbeFile } from './probe-file.ts';

/** Makes the layout where it is missing and does once, with a probe, all that publishing an image will do. */
export async function assertWritable(context: StoreContext): Promise<void> {
  await assertFolderWritable(context, imagesFolder(context.root));
}

/** The same for snapshots of that volume; its claims need links. */
export async function assertSnapshotsWritable(context: StoreContext, volume: string): Promise<void> {
  const folder = volumeFolder(context.root, volume);
  await assertFolderWritable(context, folder);
  await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'make links in', path: folder }, async () => {
    await ensureTraversable(snapshotsFolder(context.root));
    await withProbeFile(folder, probeLinks);
  });
}

async function assertFolderWritable(context: StoreContext, folder: string): Promise<void> {
  const owner = await context.owner();
  await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'use the store', path: context.root }, async () => {
    await makeFolders(folder, FOLDER_MODE);
    await ensureTraversable(folder);
    await withProbeFile(folder, (file) => probe(file, owner));
  });
}

/** Whatever umask or person set it otherwise: QEMU's user must pass. */
async function ensureTraversable(folder: string): Promise<void> {
  const { mode } = await stat(folder);
  if ((mode & 0o111) !== 0o111) await chmod(folder, (mode & 0o777) | FOLDER_MODE);
}

async function probe(file: string, owner: { readonly uid: number; readonly gid: number } | null): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile('darkroom');
    if (owner !== null) await handle.chown(owner.uid, owner.gid);
    await handle.chmod(IMAGE_FILE_MODE);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(file, `${file}.renamed`);
  await syncFolder(path.dirname(file));
}

/** A folder that cannot hold a claim would be found out too late. */
export async function probeLinks(file: string): Promise<void> {
  await writeFile(file, 'darkroom', { flag: 'wx', mode: SECRET_FILE_MODE });
  await link(file, `${file}.link`);
  await syncFolder(path.dirname(file));
}
