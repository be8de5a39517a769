import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ImageDraft } from '../../../../src/model/ports/image-store.ts';
import { finishDisk } from '../../../../src/operations/steps/finish-disk.ts';
import { expectFailure } from '../../../support/expect-failure.ts';
import { createFakeDiskTool, type FakeDisk, writeFakeDisk } from '../../../support/fake-disk-tool.ts';
import { createFakeImageStore, type FakeImageStore } from '../../../support/fake-image-store.ts';
import { createImageCore } from '../../../support/image-core.ts';

const ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';
const FILE = 'disk-vda.qcow2';

let store: FakeImageStore;
let draft: ImageDraft;

beforeEach(async () => {
  store = createFakeImageStore();
  draft = await store.createDraft(ID);
});

afterEach(() => store.dispose());

function finish(isCopied: boolean, parts = {}) {
  const disk = { file: FILE, target: 'vda', format: 'qcow2', isCopied } as const;
  return finishDisk(createImageCore({ store, ...parts }), draft, disk, new AbortController().signal);
}

function write(disk: Partial<FakeDisk> = {}): void {
  writeFakeDisk(draft.path(FILE), disk);
}

it('reads a copy again and hashes it', async () => {
  write({ virtualSizeBytes: 4096 });
  const disk = await finish(true);
  expect(disk).toMatchObject({ target: 'vda', file: FILE, format: 'qcow2', virtualSizeBytes: 4096 });
  expect(disk.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(disk.sizeBytes).toBeGreaterThan(0);
});

it('leaves a cloned or moved file without a sum', async () => {
  write();
  expect((await finish(false)).sha256).toBeNull();
});

it.each([
  ['a backing file', { backing: { path: '/etc/shadow', format: 'raw' } }],
  ['an external data file', { dataFile: '/etc/shadow' }],
  ['encryption', { isEncrypted: true }],
] as const)('row 14: takes no disk with %s', async (_, disk) => {
  write(disk);
  await expectFailure(finish(true), 'COPY_FAILED');
  await draft.discard();
  draft = await store.createDraft(ID);
  write(disk);
  await expectFailure(finish(false), 'IMAGE_DAMAGED');
});

it('takes no disk of another format than declared', async () => {
  write({ format: 'raw' });
  await expectFailure(finish(true), 'QEMU_IMG_FAILED');
});

it.each([
  [true, 'COPY_FAILED'],
  [false, 'IMAGE_DAMAGED'],
] as const)('takes no disk that qemu-img check finds damaged (copied: %s)', async (isCopied, code) => {
  write();
  const check = async () => ({ isSound: false, corruptions: 2, leaks: 0, checkErrors: 1 });
  const error = await expectFailure(finish(isCopied, { diskTool: { ...createFakeDiskTool(), check } }), code);
  expect(error.message).toContain('2 corruptions');
});

it('takes a disk that was to be encrypted only when it is, and checks it with its key', async () => {
  const key = { reveal: () => 'a key' };
  const finishSealed = (reveal = key.reveal) =>
    finishDisk(
      createImageCore({ store }),
      draft,
      { file: FILE, target: 'vda', format: 'qcow2', isCopied: true, key: { reveal } },
      new AbortController().signal,
    );
  write();
  expect((await expectFailure(finishSealed(), 'COPY_FAILED')).message).toContain('not encrypted');
  write({ isEncrypted: true, key: 'a key' });
  await expectFailure(
    finishSealed(() => 'another'),
    'ENCRYPTION_KEY_WRONG',
  );
  expect((await finishSealed()).sha256).toMatch(/^[0-9a-f]{64}$/);
});
