import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createHostFiles } from '../../../src/drivers/host/files.ts';
import { createDiskTool } from '../../../src/drivers/qemu-img/disk-tool.ts';
import { createDirectoryStore } from '../../../src/drivers/stores/directory/directory-store.ts';
import type { Image } from '../../../src/model/image.ts';
import type { ImageStore } from '../../../src/model/ports/image-store.ts';
import type { ImportImageRequest } from '../../../src/model/requests.ts';
import type { Core, HostSettings } from '../../../src/operations/support/context.ts';
import { createImageCore } from '../../support/image-core.ts';

export interface ImageFixture {
  /** For sources and targets. */
  readonly folder: string;
  readonly store: ImageStore;
  /** A core with the real disk tool, store and files. */
  core(parts?: Partial<Omit<Core, 'settings'>>, settings?: Partial<HostSettings>): Core;
  path(name: string): string;
  /** Folders in the store that hold no image. */
  drafts(): Promise<readonly string[]>;
  fileOf(image: Image, file: string): string;
  /** Everything in an image's folder. */
  filesOf(image: Image): readonly string[];
  dispose(): void;
}

/** A store and a folder of files below `parent`, on the file system that it lies on. */
export function createImageFixture(parent = '/var/tmp'): ImageFixture {
  const root = mkdtempSync(path.join(parent, 'dr-im-'));
  const folder = path.join(root, 'files');
  const location = path.join(root, 'store');
  mkdirSync(folder);
  const store = createDirectoryStore({ location, imageGroup: '0' });
  const files = createHostFiles();
  const diskTool = createDiskTool();
  return {
    folder,
    store,
    core: (parts = {}, settings = {}) =>
      createImageCore(
        { store, files, diskTool, ...parts },
        { instancesDir: path.join(root, 'instances'), ...settings },
      ),
    path: (name) => path.join(folder, name),
    drafts: () => store.listDraftIds(),
    fileOf: (image, file) => path.join(location, 'images', image.id, file),
    filesOf: (image) => listFiles(path.join(location, 'images', image.id)),
    dispose: () => rmSync(root, { recursive: true, force: true }),
  };
}

export function importRequest(source: string, changes: Partial<ImportImageRequest> = {}): ImportImageRequest {
  return {
    kind: 'image.import',
    path: source,
    name: 'debian',
    format: null,
    description: null,
    properties: {},
    ...changes,
  };
}

export function qemuImg(...args: readonly string[]): string {
  return execFileSync('qemu-img', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Bytes that look like a disk with a boot sector, and compress badly. */
export function diskContent(sizeBytes: number): Buffer {
  const content = Buffer.alloc(sizeBytes);
  for (let offset = 0; offset < Math.min(sizeBytes, 512 * 1024); offset += 32) {
    createHash('sha256').update(String(offset)).digest().copy(content, offset);
  }
  content.writeUInt16BE(0x55aa, 510);
  return content;
}

/** A raw disk of 4 MiB. */
export function writeRawDisk(file: string, content: Buffer = diskContent(4 * 1024 ** 2)): string {
  writeFileSync(file, content);
  return file;
}

/** What a guest would read from a disk file of a stated format. */
export function readContent(file: string, format: string): Buffer {
  const raw = `${file}.content`;
  qemuImg('convert', '-f', format, '-O', 'raw', file, raw);
  try {
    return readFileSync(raw);
  } finally {
    rmSync(raw);
  }
}

export function listFiles(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort() : [];
}

export function sha256Of(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
