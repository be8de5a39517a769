import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { DarkroomError } from '../../src/model/errors.ts';
import type {
  ConvertOptions,
  CopyDirtyOptions,
  DiskFile,
  DiskFileInfo,
  DiskTool,
  ReadableFormat,
} from '../../src/model/ports/disk-tool.ts';
import { createFakeExports, type FakeExport } from './fake-disk-exports.ts';
import { describeAllocation, describeFake, resolveFakeBacking } from './fake-disk-info.ts';

/** A fake disk is a JSON file; its content is a text, and an overlay without one shows that of its backing file. */
export interface FakeDisk {
  readonly format: string;
  readonly virtualSizeBytes: number;
  readonly content: string | null;
  /** The path may be relative to the disk's folder. */
  readonly backing: { readonly path: string; readonly format: ReadableFormat } | null;
  readonly dataFile?: string;
  readonly isEncrypted?: boolean;
  /** What opens it; one that is encrypted without a key is opened by any. */
  readonly key?: string;
  readonly isCompressed?: boolean;
  readonly internalSnapshotCount?: number;
  readonly bitmaps?: readonly FakeBitmap[];
}

export interface FakeBitmap {
  readonly name: string;
  /** As QEMU names them; `in-use` cannot be read. */
  readonly flags?: readonly string[];
  /** Something was written since it began. */
  readonly isDirty?: boolean;
}

export interface FakeDiskTool extends DiskTool {
  /** Paths that somebody holds for reading. */
  readonly held: readonly string[];
  /** Disks that are offered over NBD or as a file. */
  readonly exports: readonly FakeExport[];
  /** What measure says; null: the virtual size. */
  measuredBytes: number | null;
}

const GIB = 1024 ** 3;

export function writeFakeDisk(file: string, disk: Partial<FakeDisk> = {}): void {
  writeFileSync(
    file,
    JSON.stringify({ format: 'qcow2', virtualSizeBytes: GIB, content: null, backing: null, ...disk }),
  );
}

export function readFakeDisk(file: string): FakeDisk {
  const parsed: FakeDisk = JSON.parse(readFileSync(file, 'utf8'));
  return parsed;
}

/** What a guest would read from the disk, through all its backing files. */
export function readFakeContent(file: string): string {
  const disk = readFakeDisk(file);
  if (disk.content !== null) return disk.content;
  return disk.backing === null ? '' : readFakeContent(resolveFakeBacking(file, disk.backing.path));
}

/** As a guest writes: every bitmap of the disk records it. */
export function changeFakeContent(file: string, content: string): void {
  const disk = readFakeDisk(file);
  const bitmaps = (disk.bitmaps ?? []).map((bitmap) => ({ ...bitmap, isDirty: true }));
  writeFakeDisk(file, { ...disk, content, bitmaps });
}

export function createFakeDiskTool(): FakeDiskTool {
  const held: string[] = [];
  const exports = createFakeExports();
  const tool: FakeDiskTool = {
    held,
    exports: exports.active,
    measuredBytes: null,
    version: async () => '7.2.22',
    create: async (options, signal) => {
      refuse(options, signal);
      const { backing, backingName, virtualSizeBytes, format } = options;
      const size = virtualSizeBytes ?? (backing === undefined ? undefined : read(backing).virtualSizeBytes);
      if (size === undefined) throw failed('create', `${options.path}: no size`);
      const named = backingName === undefined ? null : { path: backingName, format: 'qcow2' as const };
      const below = backing === undefined ? named : { path: backing.path, format: backing.format };
      writeFakeDisk(options.path, { format, virtualSizeBytes: size, backing: below, ...seal(options) });
    },
    readBackingName: async (path) => readFakeDisk(path).backing?.path ?? null,
    info: async (disk) => describeFake(disk, read(disk)),
    infoChain: async (disk) => {
      if (!existsSync(disk.path)) throw new DarkroomError('DISK_MISSING', `${disk.path} does not exist`);
      const layers = [describeFake(disk, read(disk))];
      for (let next = layers[0]?.backing; next; next = layers.at(-1)?.backing) layers.push(describeLayer(next));
      return layers;
    },
    convert: async (options, signal) => convert(options, signal),
    measure: async (source) => tool.measuredBytes ?? open(source).virtualSizeBytes,
    check: async (disk) => {
      open(disk);
      return { isSound: true, corruptions: 0, leaks: 0, checkErrors: 0 };
    },
    compare: async (left, right) => {
      open(left);
      open(right);
      return readFakeContent(left.path) === readFakeContent(right.path);
    },
    rebase: async (disk, { backing, isUnsafe, backingName }) => {
      const content = isUnsafe === true ? open(disk).content : findDifference(disk, backing);
      const below = backing === null ? null : { path: backingName ?? backing.path, format: backing.format };
      writeFakeDisk(disk.path, { ...open(disk), content, backing: below });
    },
    commit: async (disk) => commit(disk),
    holdForReading: async (disk) => {
      read(disk);
      held.push(disk.path);
      return { [Symbol.asyncDispose]: async () => void held.splice(held.indexOf(disk.path), 1) };
    },
    resize: async (disk, virtualSizeBytes) => writeFakeDisk(disk.path, { ...open(disk), virtualSizeBytes }),
    removeBitmap: async (disk, name) => {
      const { bitmaps = [], ...rest } = open(disk);
      writeFakeDisk(disk.path, { ...rest, bitmaps: bitmaps.filter((bitmap) => bitmap.name !== name) });
    },
    addBitmap: async (disk, name) => {
      const { bitmaps = [], ...rest } = open(disk);
      if (bitmaps.some((bitmap) => bitmap.name === name)) throw failed('bitmap', `bitmap already exists: ${name}`);
      writeFakeDisk(disk.path, { ...rest, bitmaps: [...bitmaps, { name }] });
    },
    copyDirty: async (options, signal) => copyDirty(options, signal),
    mapAllocation: async (disk) => describeAllocation(open(disk)),
    exportNbd: async (disk, { socketPath }) => {
      open(disk);
      return exports.serveSocket(disk, socketPath);
    },
    exportFile: async (disk, { filePath }) => {
      open(disk);
      return exports.serveFile(disk, { filePath, content: readFakeContent(disk.path) });
    },
  };
  return tool;
}

function describeLayer({ path, format }: { readonly path: string; readonly format: string | null }): DiskFileInfo {
  const layer = { path, format: format === 'raw' ? 'raw' : 'qcow2' } as const;
  return describeFake(layer, read(layer));
}

function convert(options: ConvertOptions, signal: AbortSignal | undefined): void {
  const { source, target, backing, onProgress, onStart } = options;
  refuse(target, signal);
  if (target.key !== undefined && options.compression !== undefined) {
    throw new DarkroomError('DISK_UNSUPPORTED', `${target.path}: an encrypted disk cannot be compressed`);
  }
  const { virtualSizeBytes, content, bitmaps = [] } = open(source);
  onStart?.(4242);
  onProgress?.(0.5);
  writeFakeDisk(target.path, {
    format: target.format,
    virtualSizeBytes,
    content: backing === undefined ? readFakeContent(source.path) : content,
    backing: backing === undefined ? null : { path: backing.path, format: backing.format },
    ...seal(target),
    ...(options.compression !== undefined && { isCompressed: true }),
    ...(options.hasBitmaps === true && { bitmaps: bitmaps.filter(({ flags }) => flags?.includes('in-use') !== true) }),
  });
  onProgress?.(1);
}

/** The whole text is one cluster: an overlay that would show the same as its new backing file needs none of its own. */
function findDifference(disk: DiskFile, backing: DiskFile | null): string | null {
  open(disk);
  const content = readFakeContent(disk.path);
  return backing !== null && readFakeContent(backing.path) === content ? null : content;
}

function commit(disk: DiskFile): void {
  const { backing, content, virtualSizeBytes } = open(disk);
  if (backing === null) throw failed('commit', `${disk.path} has no backing file`);
  const path = resolveFakeBacking(disk.path, backing.path);
  const below = open({ ...disk, path, format: backing.format });
  const grown = { ...below, virtualSizeBytes: Math.max(below.virtualSizeBytes, virtualSizeBytes) };
  writeFakeDisk(path, content === null ? grown : { ...grown, content });
}

function copyDirty(options: CopyDirtyOptions, signal: AbortSignal | undefined): void {
  const { source, bitmap, target, onProgress, onStart } = options;
  if (signal?.aborted === true) throw new DarkroomError('CANCELLED', 'qemu-storage-daemon was cancelled');
  const found = open(source).bitmaps?.find(({ name }) => name === bitmap);
  if (found === undefined) throw failed('copy-dirty', `Bitmap '${bitmap}' could not be found`);
  if (found.flags?.includes('in-use') === true) throw failed('copy-dirty', `Bitmap '${bitmap}' is inconsistent`);
  onStart?.(4242);
  const below = open(target);
  if (found.isDirty === true) writeFakeDisk(target.path, { ...below, content: readFakeContent(source.path) });
  onProgress?.(1);
}

function seal({ key }: DiskFile): Pick<FakeDisk, 'isEncrypted' | 'key'> {
  return key === undefined ? {} : { isEncrypted: true, key: key.reveal() };
}

function refuse(target: DiskFile, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new DarkroomError('CANCELLED', 'qemu-img was cancelled');
  if (existsSync(target.path)) throw failed('create', `${target.path} exists`);
}

/** With its content: only with the key. */
function open(disk: DiskFile): FakeDisk {
  const found = read(disk);
  if (found.key === undefined || found.key === disk.key?.reveal()) return found;
  const code = disk.key === undefined ? 'ENCRYPTION_KEY_MISSING' : 'ENCRYPTION_KEY_WRONG';
  throw new DarkroomError(code, `${disk.path} is encrypted`, { fields: { disk: disk.path } });
}

function read(disk: DiskFile): FakeDisk {
  if (!existsSync(disk.path)) throw failed('open', `${disk.path}: No such file or directory`);
  const found = readFakeDisk(disk.path);
  if (found.format !== disk.format) throw failed('open', `${disk.path} is ${found.format}, not ${disk.format}`);
  return found;
}

function failed(subcommand: string, message: string): DarkroomError {
  return new DarkroomError('QEMU_IMG_FAILED', `qemu-img ${subcommand}: ${message}`, { fields: { subcommand } });
}
