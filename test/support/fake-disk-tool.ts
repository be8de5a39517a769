import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DarkroomError } from '../../src/model/errors.ts';
import type { DiskFile, DiskFileInfo, DiskTool } from '../../src/model/ports/disk-tool.ts';

/** A fake disk is a JSON file; its content is a text, and an overlay without one shows that of its backing file. */
export interface FakeDisk {
  readonly format: string;
  readonly virtualSizeBytes: number;
  readonly content: string | null;
  readonly backing: DiskFile | null;
  readonly dataFile?: string;
  readonly isEncrypted?: boolean;
  readonly internalSnapshotCount?: number;
}

export interface FakeDiskTool extends DiskTool {
  /** Paths that somebody holds for reading. */
  readonly held: readonly string[];
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
  return disk.backing === null ? '' : readFakeContent(path.resolve(path.dirname(file), disk.backing.path));
}

export function createFakeDiskTool(): FakeDiskTool {
  const held: string[] = [];
  const tool: FakeDiskTool = {
    held,
    measuredBytes: null,
    version: async () => '7.2.22',
    create: async (options, signal) => {
      refuse(options, signal);
      const { backing, virtualSizeBytes } = options;
      const size = virtualSizeBytes ?? (backing === undefined ? undefined : open(backing).virtualSizeBytes);
      if (size === undefined) throw failed('create', `${options.path}: no size`);
      const disk = { format: options.format, virtualSizeBytes: size, backing: backing ?? null };
      writeFakeDisk(options.path, disk);
    },
    info: async (disk) => describe(disk),
    infoChain: async (disk) => {
      if (!existsSync(disk.path)) throw new DarkroomError('DISK_MISSING', `${disk.path} does not exist`);
      const layers = [describe(disk)];
      for (let next = layers[0]?.backing; next; next = layers.at(-1)?.backing)
        layers.push(describe({ path: next.path, format: next.format === 'raw' ? 'raw' : 'qcow2' }));
      return layers;
    },
    convert: async ({ source, target, onProgress, onStart }, signal) => {
      refuse(target, signal);
      const { virtualSizeBytes } = open(source);
      onStart?.(4242);
      onProgress?.(0.5);
      writeFakeDisk(target.path, { format: target.format, virtualSizeBytes, content: readFakeContent(source.path) });
      onProgress?.(1);
    },
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
    rebase: async (disk, { backing, isUnsafe }) => {
      const content = isUnsafe === true ? open(disk).content : readFakeContent(disk.path);
      writeFakeDisk(disk.path, { ...open(disk), content, backing });
    },
    commit: async (disk) => {
      const { backing, content } = open(disk);
      if (backing === null) throw failed('commit', `${disk.path} has no backing file`);
      if (content !== null) writeFakeDisk(backing.path, { ...open(backing), content });
    },
    holdForReading: async (disk) => {
      open(disk);
      held.push(disk.path);
      return { [Symbol.asyncDispose]: async () => void held.splice(held.indexOf(disk.path), 1) };
    },
    resize: async (disk, virtualSizeBytes) => writeFakeDisk(disk.path, { ...open(disk), virtualSizeBytes }),
    removeBitmap: async (disk) => void open(disk),
  };
  return tool;
}

function refuse(target: DiskFile, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new DarkroomError('CANCELLED', 'qemu-img was cancelled');
  if (existsSync(target.path)) throw failed('create', `${target.path} exists`);
}

function open(disk: DiskFile): FakeDisk {
  if (!existsSync(disk.path)) throw failed('open', `${disk.path}: No such file or directory`);
  const found = readFakeDisk(disk.path);
  if (found.format !== disk.format) throw failed('open', `${disk.path} is ${found.format}, not ${disk.format}`);
  return found;
}

function describe(disk: DiskFile): DiskFileInfo {
  const { virtualSizeBytes, backing, dataFile, isEncrypted, internalSnapshotCount } = open(disk);
  return {
    path: disk.path,
    format: disk.format,
    virtualSizeBytes,
    actualSizeBytes: readFileSync(disk.path).length,
    clusterSizeBytes: disk.format === 'qcow2' ? 65536 : null,
    backing: backing === null ? null : { name: backing.path, path: backing.path, format: backing.format },
    dataFile: dataFile ?? null,
    isEncrypted: isEncrypted ?? false,
    isDirty: false,
    isCorrupt: false,
    internalSnapshotCount: internalSnapshotCount ?? 0,
    bitmaps: [],
  };
}

function failed(subcommand: string, message: string): DarkroomError {
  return new DarkroomError('QEMU_IMG_FAILED', `qemu-img ${subcommand}: ${message}`, { fields: { subcommand } });
}
