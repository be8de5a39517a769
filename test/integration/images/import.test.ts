import { readFileSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { ImportFormat } from '../../../src/model/requests.ts';
import { importImage, recoverImportImage } from '../../../src/operations/import-image.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { NO_QUOTA, runCancelled, runToEnd } from '../../support/image-core.ts';
import {
  createImageFixture,
  diskContent,
  type ImageFixture,
  importRequest,
  qemuImg,
  readContent,
  sha256Of,
  writeRawDisk,
} from './image-fixture.ts';

const SIZE = 4 * 1024 ** 2;
let fixture: ImageFixture;

beforeEach(() => {
  fixture = createImageFixture();
});

afterEach(() => fixture.dispose());

/** A disk of a format, made by qemu-img of known content. */
function makeDisk(format: ImportFormat, name = `disk.${format}`, options: readonly string[] = []): string {
  const raw = writeRawDisk(fixture.path('content.raw'));
  const file = fixture.path(name);
  qemuImg('convert', '-f', 'raw', '-O', format, ...options, raw, file);
  return file;
}

const FORMATS: readonly (readonly [name: string, format: ImportFormat, options: readonly string[]])[] = [
  ['qcow2', 'qcow2', []],
  ['qcow2 of version 2', 'qcow2', ['-o', 'compat=0.10']],
  ['compressed qcow2', 'qcow2', ['-c']],
  ['raw', 'raw', []],
  ['vmdk (monolithicSparse)', 'vmdk', []],
  ['vmdk (streamOptimized)', 'vmdk', ['-o', 'subformat=streamOptimized']],
  ['vdi', 'vdi', []],
  ['fixed vdi', 'vdi', ['-o', 'static=on']],
  ['vhdx', 'vhdx', []],
];

describe.each(FORMATS)('a disk in %s', (_, format, options) => {
  it.each(['recognised', 'stated'])('becomes a flat qcow2 image, its format %s', async (how) => {
    const source = makeDisk(format, 'disk.bin', options);
    const request = importRequest(source, { format: how === 'stated' ? format : null });
    const operation = await runToEnd(fixture.core(), importImage, request);
    expect(operation.error).toBeNull();
    const image = await fixture.store.readImage(operation.result.imageId ?? '');
    const file = fixture.fileOf(image, 'disk-vda.qcow2');
    expect(readContent(file, 'qcow2').equals(diskContent(SIZE))).toBe(true);
    expect(image).toMatchObject({
      name: 'debian',
      status: 'active',
      visibility: 'private',
      owner: 'root',
      minDiskGiB: 1,
      consistency: null,
      sizeBytes: statSync(file).size,
      virtualSizeBytes: SIZE,
      checksum: { value: sha256Of(file) },
      properties: { image_type: 'imported', image_location: 'imported' },
      disks: [
        { target: 'vda', file: 'disk-vda.qcow2', format: 'qcow2', virtualSizeBytes: SIZE, sha256: sha256Of(file) },
      ],
    });
    expect(statSync(file).mode & 0o777).toBe(0o440);
    expect(await fixture.drafts()).toEqual([]);
  });
});

it('names the disk after the bus that is asked for and keeps the stated properties', async () => {
  const request = importRequest(makeDisk('qcow2'), { properties: { hw_disk_bus: 'scsi', hw_firmware_type: 'uefi' } });
  const operation = await runToEnd(fixture.core(), importImage, request);
  const image = await fixture.store.readImage(operation.result.imageId ?? '');
  expect(image.disks[0]?.target).toBe('sda');
  expect(image.properties).toMatchObject({ hw_disk_bus: 'scsi', hw_firmware_type: 'uefi' });
});

it('says that internal snapshots stay behind', async () => {
  const source = makeDisk('qcow2');
  qemuImg('snapshot', '-c', 'before', source);
  const operation = await runToEnd(fixture.core(), importImage, importRequest(source));
  expect(operation.warnings[0]).toContain('1 internal snapshot');
  const image = await fixture.store.readImage(operation.result.imageId ?? '');
  expect(qemuImg('snapshot', '-l', fixture.fileOf(image, 'disk-vda.qcow2'))).toBe('');
});

it('does not touch the file that it imports', async () => {
  const source = makeDisk('qcow2');
  const before = { sha256: sha256Of(source), mode: statSync(source).mode };
  await runToEnd(fixture.core(), importImage, importRequest(source));
  expect({ sha256: sha256Of(source), mode: statSync(source).mode }).toEqual(before);
});

it('reports progress in bytes up to the end', async () => {
  const operation = await runToEnd(fixture.core(), importImage, importRequest(makeDisk('raw')));
  expect(operation.progress?.unit).toBe('bytes');
  expect(operation.progress?.done).toBeGreaterThan(0);
});

describe('refusals before anything is written', () => {
  it('too many images', async () => {
    const core = fixture.core({}, { quota: { ...NO_QUOTA, maxImages: 1 } });
    await runToEnd(core, importImage, importRequest(makeDisk('qcow2')));
    await expectFailure(runToEnd(core, importImage, importRequest(makeDisk('qcow2'))), 'QUOTA_EXCEEDED');
  });

  it('too many bytes of images', async () => {
    const core = fixture.core({}, { quota: { ...NO_QUOTA, maxImageBytes: 1024 } });
    await expectFailure(runToEnd(core, importImage, importRequest(makeDisk('qcow2'))), 'QUOTA_EXCEEDED');
  });

  it('too little space, with both numbers', async () => {
    const core = fixture.core({}, { reserveBytes: 1e18 });
    const operation = await runToEnd(core, importImage, importRequest(makeDisk('raw')));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'NO_SPACE' } });
    expect(operation.error?.message).toMatch(/needed.*free/);
    expect(await fixture.drafts()).toEqual([]);
  });

  it('a bad name or property', async () => {
    const source = makeDisk('qcow2');
    for (const changes of [{ name: '' }, { name: 'x'.repeat(256) }, { properties: { image_type: 'backup' } }]) {
      await expectFailure(runToEnd(fixture.core(), importImage, importRequest(source, changes)), 'INVALID_REQUEST');
    }
  });
});

describe('nothing is left of an import', () => {
  it.each(['info', 'check', 'measure', 'convert'] as const)('that fails in qemu-img %s', async (method) => {
    const core = fixture.core();
    const faulty = makeFaulty(core.diskTool);
    faulty.failOn(method, new DarkroomError('NO_SPACE', 'full'));
    const request = importRequest(makeDisk('vdi'));
    const operation = await runToEnd({ ...core, diskTool: faulty.port }, importImage, request);
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'STORE_WRITE_FAILED' } });
    expect(await fixture.drafts()).toEqual([]);
    expect((await fixture.store.listImages()).images).toEqual([]);
  });

  it('that is cancelled while it copies', async () => {
    const request = importRequest(writeRawDisk(fixture.path('big.raw'), diskContent(64 * 1024 ** 2)));
    const core = fixture.core();
    const operation = await runCancelled(core, importImage, { request, isTime: ({ step }) => step === 'copy' });
    expect(operation).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } });
    expect(await fixture.drafts()).toEqual([]);
  });

  it('whose process died, after the next start', async () => {
    const core = fixture.core();
    const faulty = makeFaulty(core.diskTool);
    let die = (): void => undefined;
    const death = new Promise<void>((resolve) => {
      die = resolve;
    });
    faulty.before('measure', async () => {
      await death;
      throw new Error('dead');
    });
    const request = importRequest(makeDisk('vdi'));
    const dying = runToEnd({ ...core, diskTool: faulty.port }, importImage, request);
    while ((await core.journal.list())[0]?.operation.step !== 'inspect') await new Promise((go) => setTimeout(go, 5));
    expect(await fixture.drafts()).toHaveLength(1);
    const restarted = { ...core, processes: { ...core.processes, isAlive: () => false } };
    await recoverOperations(restarted, { 'image.import': recoverImportImage });
    expect(await fixture.drafts()).toEqual([]);
    expect(await core.journal.list()).toMatchObject([{ plan: null, operation: { status: 'interrupted' } }]);
    die();
    await dying;
  });

  it('that did not end as its recovery thinks: a published image is kept', async () => {
    const core = fixture.core();
    const operation = await runToEnd(core, importImage, importRequest(makeDisk('qcow2')));
    const { imageId = '' } = operation.result;
    const unfinished = { ...(await core.journal.read(operation.id)), plan: { version: 1, imageId } };
    const notes = await recoverImportImage(core, unfinished);
    expect(notes[0]).toContain('kept');
    expect((await fixture.store.readImage(imageId)).status).toBe('active');
  });
});

it('reads the content of a file stated as raw and believes nothing in it', async () => {
  const source = makeDisk('qcow2', 'disk.raw');
  const operation = await runToEnd(fixture.core(), importImage, importRequest(source, { format: 'raw' }));
  const image = await fixture.store.readImage(operation.result.imageId ?? '');
  const bytes = readFileSync(source);
  const content = readContent(fixture.fileOf(image, 'disk-vda.qcow2'), 'qcow2');
  expect(content.subarray(0, bytes.length).equals(bytes)).toBe(true);
});
