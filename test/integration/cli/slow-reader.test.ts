import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { serialiseManifest } from '../../../src/drivers/stores/documents/manifest.ts';
import { makeImage } from '../../support/sample-images.ts';

const ENTRY = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const IMAGES = 500;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync('/var/tmp/dr-slow-reader-');
  for (let index = 0; index < IMAGES; index += 1) {
    const image = makeImage(randomUUID());
    const place = path.join(folder, 'store/images', image.id);
    mkdirSync(place, { recursive: true });
    writeFileSync(path.join(place, 'manifest.json'), serialiseManifest(image));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('gives a reader that takes its time all of a long list', async () => {
  const command = `"$0" "$1" --state-dir "$2" --store "$2/store" image list --json | (sleep 1; cat)`;
  const { stdout } = await promisify(execFile)('sh', ['-c', command, process.execPath, ENTRY, folder], {
    maxBuffer: 64 * 1024 * 1024,
  });
  expect(stdout.length).toBeGreaterThan(200_000);
  expect(JSON.parse(stdout)).toHaveLength(IMAGES);
});
