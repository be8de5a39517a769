import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** As many images as that, beside the one that is there: its record again and again, its files as hard links. */
export async function multiplyImage(store: string, count: number): Promise<void> {
  const images = path.join(store, 'images');
  const [id = ''] = await readdir(images);
  const manifest = await readFile(path.join(images, id, 'manifest.json'), 'utf8');
  const files = (await readdir(path.join(images, id))).filter((file) => /^(disk-.*|domain\.xml)$/.test(file));
  for (let index = 0; index < count; index++) {
    const copy = randomUUID();
    await mkdir(path.join(images, copy), { mode: 0o711 });
    for (const file of files) await link(path.join(images, id, file), path.join(images, copy, file));
    await writeFile(path.join(images, copy, 'manifest.json'), manifest.replaceAll(id, copy), { mode: 0o640 });
  }
}
