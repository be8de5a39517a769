import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { MachineData } from './machine-record.ts';

/** Whether an image of the store, published or not, has a file with all of that disk. */
export async function findCompleteCopy(store: string, data: MachineData, target: string): Promise<boolean> {
  const images = path.join(store, 'images');
  for (const file of await readdir(images, { recursive: true }).catch(() => [])) {
    if (!path.basename(file).includes(`disk-${target}`)) continue;
    const format = file.includes('.raw') ? 'raw' : 'qcow2';
    const difference = await data.compare(target, { path: path.join(images, file), format }).catch(() => 'unreadable');
    if (difference === null) return true;
  }
  return false;
}
