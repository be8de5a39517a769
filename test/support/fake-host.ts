import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { DarkroomError } from '../../src/model/errors.ts';
import type { ProcessIdentity } from '../../src/model/operation.ts';
import type {
  Clock,
  FileOwnership,
  FileStat,
  Generalizer,
  HostFiles,
  Processes,
  SeedBuilder,
} from '../../src/model/ports/host.ts';

export interface FakeHostFiles extends HostFiles {
  /** What stat shall say of a path, whatever is there; the file need not exist. */
  declare(path: string, stat: Partial<FileStat>): void;
  /** Owner and mode that were asked for. */
  ownershipOf(path: string): Partial<FileOwnership>;
  freeBytesOnDisk: number;
  canClone: boolean;
  canLink: boolean;
}

const QEMU_USER = { uid: 64055, gid: 107 };

/** Real files, so that other fakes find them by path; owners are only remembered, since tests need not be root. */
export function createFakeFiles(): FakeHostFiles {
  const owners = new Map<string, Partial<FileOwnership>>();
  const declared = new Map<string, Partial<FileStat>>();
  const own = (file: string, ownership: Partial<FileOwnership> = {}): void =>
    void owners.set(file, { ...owners.get(file), ...ownership });
  const files: FakeHostFiles = {
    freeBytesOnDisk: 1e12,
    canClone: false,
    canLink: true,
    declare: (file, stat) => void declared.set(file, stat),
    ownershipOf: (file) => owners.get(file) ?? {},
    stat: async (file) => describe(file, { ...owners.get(file), ...declared.get(file) }, declared.has(file)),
    list: async (folder) => (existsSync(folder) ? readdirSync(folder) : []),
    freeBytes: async (file) => {
      statSync(file);
      return files.freeBytesOnDisk;
    },
    makeDirectory: async (folder, ownership) => {
      mkdirSync(folder, { recursive: true });
      own(folder, ownership);
    },
    readText: async (file, { maxBytes }) => readAtMost(file, maxBytes).toString(),
    readBytes: async (file, { maxBytes }) => readAtMost(file, maxBytes),
    writeDurably: async (file, content, ownership) => {
      writeFileSync(file, content);
      own(file, ownership);
    },
    reserve: async () => true,
    releaseReserve: async () => {},
    tryClone: async (source, target) => {
      if (files.canClone) copyFileSync(source, target);
      return files.canClone;
    },
    tryLink: async (source, target) => {
      if (!files.canLink) return false;
      linkSync(realpathSync(source), target);
      own(target, owners.get(source));
      return true;
    },
    copy: async (source, target) => copyFileSync(source, target),
    copyTree: async (source, target) => {
      cpSync(source, target, { recursive: true });
      return listTree(target);
    },
    sync: async (file) => void statSync(file),
    rename: async (from, to) => {
      renameSync(from, to);
      own(to, owners.get(from));
      owners.delete(from);
    },
    setOwnership: async (file, ownership) => {
      statSync(file);
      own(file, ownership);
    },
    remove: async (file) => {
      rmSync(file, { force: true });
      owners.delete(file);
    },
    removeTree: async (folder) => rmSync(folder, { recursive: true, force: true }),
    hold: async (file) => {
      const stat = await files.stat(file);
      if (stat === null) return null;
      return {
        realPath: realpathSync(file),
        stat,
        heldPath: file,
        read: async ({ offsetBytes, lengthBytes }) =>
          readFileSync(file).subarray(offsetBytes, offsetBytes + lengthBytes),
        [Symbol.asyncDispose]: async () => undefined,
      };
    },
    hash: async (file) => hashOf(file),
    hashGrowing: (file) => ({
      reach: () => undefined,
      end: async () => hashOf(file),
      [Symbol.asyncDispose]: async () => undefined,
    }),
    lookUpUser: async (name) => (name === 'libvirt-qemu' ? QEMU_USER : null),
  };
  return files;
}

function describe(file: string, known: Partial<FileStat>, isDeclared: boolean): FileStat | null {
  const absent = {
    kind: 'file',
    sizeBytes: 0,
    allocatedBytes: 0,
    inode: 0,
    device: 1,
    links: 1,
    modifiedMs: 0,
  } as const;
  const owner = { mode: 0o644, uid: 0, gid: 0 };
  if (!existsSync(file)) return isDeclared ? { ...absent, ...owner, ...known } : null;
  const stat = statSync(file);
  const kind = stat.isDirectory() ? 'directory' : stat.isFile() ? 'file' : 'other';
  const times = { links: stat.nlink, modifiedMs: stat.mtimeMs };
  const seen = { kind, sizeBytes: stat.size, allocatedBytes: stat.blocks * 512, inode: stat.ino, ...times } as const;
  // everything is on one file system, and temporary folders are as open as the folders of a real host
  return { ...seen, device: 1, ...owner, mode: kind === 'directory' ? 0o755 : 0o644, ...known };
}

function readAtMost(file: string, maxBytes: number): Buffer {
  const content = readFileSync(file);
  if (content.length > maxBytes) throw new Error(`${file} has ${content.length} bytes, more than ${maxBytes}`);
  return content;
}

/** Paths of all files below a folder, relative, sorted; [] when there is none. */
export function listTree(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

export interface FakeClock extends Clock {
  /** Called at every sleep, with the time since the start. */
  onSleep: (monotonicMs: number) => void | Promise<void>;
}

/** Time passes only while somebody sleeps. */
export function createFakeClock(): FakeClock {
  let elapsedMs = 0;
  const clock: FakeClock = {
    onSleep: () => undefined,
    now: () => new Date(Date.UTC(2026, 0, 1) + elapsedMs),
    monotonicMs: () => elapsedMs,
    sleep: async (ms, signal) => {
      elapsedMs += ms;
      await new Promise((resolve) => setImmediate(resolve));
      await clock.onSleep(elapsedMs);
      if (signal?.aborted === true) throw new DarkroomError('CANCELLED', 'The operation was cancelled.');
    },
  };
  return clock;
}

export interface FakeProcesses extends Processes {
  readonly living: Set<number>;
  readonly killed: number[];
}

/** Processes are alive while their pid is in `living`; this one always is. */
export function createFakeProcesses(pid = 1000): FakeProcesses {
  const identityOf = (id: number): ProcessIdentity => ({ pid: id, startTicks: id * 10, bootId: 'boot' });
  const living = new Set([pid]);
  const killed: number[] = [];
  return {
    living,
    killed,
    self: identityOf(pid),
    isAlive: (identity) => living.has(identity.pid) && identity.startTicks === identity.pid * 10,
    identify: (id) => (living.has(id) ? identityOf(id) : null),
    kill: async ({ pid: id }) => {
      if (living.delete(id)) killed.push(id);
    },
  };
}

/** The seed is a JSON file with what would be on the disk. */
export function createFakeSeeds(): SeedBuilder {
  return { create: async (file, content) => writeFileSync(file, JSON.stringify(content)) };
}

export interface FakeGeneralizer extends Generalizer {
  readonly generalized: string[];
}

export function createFakeGeneralizer(): FakeGeneralizer {
  const generalized: string[] = [];
  return {
    generalized,
    assertAvailable: async () => undefined,
    generalize: async (disks) => void generalized.push(...disks.map((disk) => disk.path)),
  };
}

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
