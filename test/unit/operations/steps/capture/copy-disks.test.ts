import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { DiskTool } from '../../../../../src/model/ports/disk-tool.ts';
import type { ImageDraft } from '../../../../../src/model/ports/image-store.ts';
import {
  type CopyOptions,
  copyDisks,
  type DiskCopy,
  type DiskSource,
  measureDisks,
} from '../../../../../src/operations/steps/capture/copy-disks.ts';
import { createFakeDiskTool, readFakeContent, writeFakeDisk } from '../../../../support/fake-disk-tool.ts';
import { createFakeFiles, type FakeHostFiles } from '../../../../support/fake-host.ts';
import { createFakeImageStore, type FakeImageStore } from '../../../../support/fake-image-store.ts';
import { type Faulty, makeFaulty } from '../../../../support/faulty.ts';
import { createImageCore } from '../../../../support/image-core.ts';

const IMAGE = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';
const SOUND = { isSound: true, corruptions: 0, leaks: 0, checkErrors: 0 };

let folder: string;
let store: FakeImageStore;
let draft: ImageDraft;
let files: FakeHostFiles;
let fakeTool: DiskTool;
let diskTool: Faulty<DiskTool>;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'dr-copy-'));
  store = createFakeImageStore();
  draft = await store.createDraft(IMAGE);
  files = createFakeFiles();
  files.canClone = true;
  fakeTool = createFakeDiskTool();
  diskTool = makeFaulty<DiskTool>(fakeTool);
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  store.dispose();
});

async function source(target: string, changes: Partial<DiskSource> & { hasBase?: boolean } = {}): Promise<DiskSource> {
  const { hasBase = false, ...rest } = changes;
  const disk = { path: path.join(folder, target), format: rest.format ?? 'qcow2' } as const;
  const base = { path: path.join(folder, 'base'), format: 'qcow2' } as const;
  writeFakeDisk(base.path, { content: 'of the base' });
  writeFakeDisk(disk.path, {
    format: disk.format,
    content: hasBase ? null : `of ${target}`,
    backing: hasBase ? base : null,
  });
  return { target, isBlockDevice: false, ...disk, chain: await fakeTool.infoChain(disk), ...rest };
}

function copy(
  sources: readonly DiskSource[],
  { slots = 2, ...options }: Partial<CopyOptions> & { readonly slots?: number } = {},
): Promise<DiskCopy[]> {
  const core = createImageCore({ store, files, diskTool: diskTool.port }, { maxConcurrentCopies: slots });
  return copyDisks(core, draft, sources, {
    signal: new AbortController().signal,
    bandwidthBytesPerSecond: 0,
    onProgress: () => undefined,
    onHelper: () => undefined,
    ...options,
  });
}

const contentOf = (file: string): string => readFakeContent(draft.path(file));

it('shares the blocks of a qcow2 disk that stands alone', async () => {
  expect(await copy([await source('vda')])).toEqual([
    { target: 'vda', file: 'disk-vda.qcow2', format: 'qcow2', isCopied: false },
  ]);
  expect(contentOf('disk-vda.qcow2')).toBe('of vda');
  expect(diskTool.calls).not.toContain('convert');
});

it.each<[string, () => Promise<DiskSource>, string]>([
  ['lies on a base', () => source('vda', { hasBase: true }), 'of the base'],
  ['is raw', () => source('vda', { format: 'raw' }), 'of vda'],
  ['is a block device', () => source('vda', { isBlockDevice: true }), 'of vda'],
])('flattens or converts a disk that %s', async (_what, make, content) => {
  const [made] = await copy([await make()]);
  expect(made?.isCopied).toBe(true);
  expect(contentOf('disk-vda.qcow2')).toBe(content);
});

it('copies where the file system cannot share blocks', async () => {
  files.canClone = false;
  expect(await copy([await source('vda')])).toMatchObject([{ isCopied: true }]);
  expect(contentOf('disk-vda.qcow2')).toBe('of vda');
});

it.each([
  ['damaged', () => Promise.resolve({ ...SOUND, isSound: false, corruptions: 1 }), false],
  ['not cleanly closed', () => Promise.resolve(SOUND), true],
] as const)('gives up a clone that is %s for a copy', async (_what, check, isDirty) => {
  const disk = await source('vda');
  fakeTool.check = check;
  const { info } = fakeTool;
  fakeTool.info = async (file, signal) => ({ ...(await info(file, signal)), isDirty });
  expect(await copy([disk])).toMatchObject([{ isCopied: true }]);
  expect(contentOf('disk-vda.qcow2')).toBe('of vda');
});

it('takes the bitmaps out of a clone, and out of nothing else', async () => {
  const disk = await source('vda');
  const { info } = fakeTool;
  fakeTool.info = async (file, signal) => ({ ...(await info(file, signal)), bitmaps: [{ name: 'daily', flags: [] }] });
  const removed: unknown[] = [];
  diskTool.before('removeBitmap', (file, name) => removed.push([file, name]));
  await copy([disk]);
  expect(removed).toEqual([[{ path: draft.path('disk-vda.qcow2'), format: 'qcow2' }, 'daily']]);
});

it('tells one share of all the work for several disks, and the helpers that do it', async () => {
  files.canClone = false;
  const shares: number[] = [];
  const helpers: number[] = [];
  const onProgress = (share: number): void => void shares.push(share);
  await copy([await source('vda'), await source('vdb')], {
    slots: 1,
    onProgress,
    onHelper: (pid) => helpers.push(pid),
  });
  expect(shares).toEqual([0.25, 0.5, 0.75, 1]);
  expect(helpers).toHaveLength(2);
});

it('fails as a whole when one disk cannot be copied', async () => {
  files.canClone = false;
  diskTool.failOn('convert', new Error('broken on purpose'));
  await expect(copy([await source('vda'), await source('vdb')], { slots: 1 })).rejects.toThrow('broken on purpose');
  expect(existsSync(draft.path('disk-vdb.qcow2'))).toBe(false);
});

it('sums up what the copies need', async () => {
  const core = createImageCore({ store, files, diskTool: diskTool.port });
  const bytes = await measureDisks(core, [await source('vda'), await source('vdb')], new AbortController().signal);
  expect(bytes).toBe(2 * 1024 ** 3);
});

it('shares no blocks with what is to be encrypted, and hands the key on to whoever checks the copy', async () => {
  const key = { reveal: () => 'a key' };
  const copies = await copy([await source('vda')], { key });
  expect(copies).toEqual([{ target: 'vda', file: 'disk-vda.qcow2', format: 'qcow2', isCopied: true, key }]);
  expect(diskTool.calls).toContain('convert');
  const disk = { path: draft.path('disk-vda.qcow2'), format: 'qcow2' } as const;
  expect(await fakeTool.info(disk)).toMatchObject({ isEncrypted: true });
});
