import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { Operation } from '../../../src/model/operation.ts';
import type { ExportImageRequest } from '../../../src/model/requests.ts';
import { exportImage, recoverExportImage } from '../../../src/operations/export-image.ts';
import { importImage } from '../../../src/operations/import-image.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { runCancelled, runToEnd } from '../../support/image-core.ts';
import {
  createImageFixture,
  diskContent,
  type ImageFixture,
  importRequest,
  listFiles,
  qemuImg,
  readContent,
  sha256Of,
  writeRawDisk,
} from './image-fixture.ts';
import { importOne, publishMachine } from './machine-image.ts';

const SIZE = 4 * 1024 ** 2;
let fixture: ImageFixture;

beforeEach(() => {
  fixture = createImageFixture();
});

afterEach(() => fixture.dispose());

function exportTo(
  target: string,
  changes: Partial<ExportImageRequest> & { readonly image: string },
  core?: Core,
): Promise<Operation> {
  return runToEnd(core ?? fixture.core(), exportImage, {
    kind: 'image.export',
    path: target,
    format: null,
    ...changes,
  });
}

describe('an image of one disk', () => {
  it('is written to one file, byte for byte, for the caller alone', async () => {
    const image = await importOne(fixture);
    const target = fixture.path('out.qcow2');
    const operation = await exportTo(target, { image: 'debian' });
    expect(operation).toMatchObject({ status: 'succeeded', result: { imageId: image.id } });
    expect(sha256Of(target)).toBe(image.disks[0]?.sha256);
    expect(statSync(target).mode & 0o777).toBe(0o600);
    expect(listFiles(fixture.folder)).toEqual(['content.raw', 'out.qcow2']);
  });

  it('is written as raw, with the content that a guest reads', async () => {
    const image = await importOne(fixture);
    const target = fixture.path('out.raw');
    await exportTo(target, { image: image.id, format: 'raw' });
    expect(readFileSync(target).equals(diskContent(SIZE))).toBe(true);
  });

  it('comes back by an import with the same content', async () => {
    const image = await importOne(fixture);
    const target = fixture.path('out.qcow2');
    await exportTo(target, { image: image.id });
    const again = await runToEnd(fixture.core(), importImage, importRequest(target, { name: 'again' }));
    const copy = await fixture.store.readImage(again.result.imageId ?? '');
    expect(readContent(fixture.fileOf(copy, 'disk-vda.qcow2'), 'qcow2').equals(diskContent(SIZE))).toBe(true);
  });
});

describe('a machine of several disks with firmware', () => {
  it('is written to a folder and comes back the same, bootable by its own XML', async () => {
    const image = await publishMachine(fixture);
    const target = fixture.path('machine');
    const operation = await exportTo(target, { image: image.id });
    expect(operation.error).toBeNull();
    expect(operation.warnings[0]).toContain('domain.xml');
    expect(listFiles(target)).toEqual([
      'disk-vda.qcow2',
      'disk-vdb.raw',
      'domain.xml',
      'manifest.json',
      'nvram.fd',
      'tpm',
      'tpm/tpm2',
      'tpm/tpm2/tpm2-00.permall',
    ]);
    for (const file of ['domain.xml', 'nvram.fd', 'tpm/tpm2/tpm2-00.permall', 'manifest.json']) {
      expect(statSync(path.join(target, file)).mode & 0o777, file).toBe(0o600);
    }

    const again = await runToEnd(fixture.core(), importImage, importRequest(target, { name: 'again' }));
    expect(again.error).toBeNull();
    const copy = await fixture.store.readImage(again.result.imageId ?? '');
    const { disks, nvram, tpm, minMemoryMiB, consistency, skippedDisks, checksum } = image;
    expect(copy).toMatchObject({ disks, nvram, tpm, minMemoryMiB, consistency, skippedDisks, checksum });
    expect(copy.properties).toEqual({
      image_type: 'imported',
      image_location: 'imported',
      hw_disk_bus: 'virtio',
      team: 'blue',
    });
    const xml = readFileSync(fixture.fileOf(copy, 'domain.xml'), 'utf8');
    expect(xml).toContain('<target dev="vdb" bus="virtio"/>');
    expect(xml).toContain('OVMF_CODE');
    // what belonged to the other host is gone
    expect(xml).not.toMatch(/serial\.log|\/var\/lib\/libvirt\/qemu|fake-script/);
    expect(statSync(fixture.fileOf(copy, 'domain.xml')).mode & 0o777).toBe(0o600);
  });

  it('is refused on import when a file of the folder was changed, is missing or is a link', async () => {
    const image = await publishMachine(fixture);
    const target = fixture.path('machine');
    await exportTo(target, { image: image.id });
    const manifest = path.join(target, 'manifest.json');
    const intact = readFileSync(manifest, 'utf8');
    const secret = writeRawDisk(fixture.path('secret'));
    const tamper: readonly (readonly [string, () => void])[] = [
      ['a manifest that is not JSON', () => writeFileSync(manifest, '{')],
      [
        'a manifest that names a file outside',
        () => writeFileSync(manifest, intact.replace('disk-vda.qcow2', '../secret')),
      ],
      [
        'a manifest that names a file that is a link',
        () => {
          symlinkSync(secret, path.join(target, 'link'));
          writeFileSync(manifest, intact.replace('disk-vdb.raw', 'link'));
        },
      ],
      [
        'a manifest that names a file that is not there',
        () => writeFileSync(manifest, intact.replace('disk-vda.qcow2', 'gone')),
      ],
      ['another sum', () => writeFileSync(manifest, intact.replace(image.disks[1]?.sha256 ?? '', 'a'.repeat(64)))],
      [
        'another sum of the firmware variables',
        () => writeFileSync(manifest, intact.replace(image.nvram?.sha256 ?? '', 'a'.repeat(64))),
      ],
      ['another machine', () => writeFileSync(path.join(target, 'domain.xml'), '<domain type="kvm"/>')],
      [
        'a disk that got a backing file',
        () => {
          const evil = path.join(target, 'disk-vda.qcow2');
          qemuImg('rebase', '-u', '-f', 'qcow2', '-b', secret, '-F', 'raw', evil);
          writeFileSync(manifest, intact.replaceAll(image.disks[0]?.sha256 ?? '', sha256Of(evil)));
        },
      ],
    ];
    for (const [what, change] of tamper) {
      change();
      const operation = await runToEnd(fixture.core(), importImage, importRequest(target, { name: 'evil' }));
      expect(operation.error?.code, `${what}: ${operation.error?.message}`).toBe('IMAGE_REJECTED');
      expect(await fixture.drafts(), what).toEqual([]);
      writeFileSync(manifest, intact);
    }
  });

  it('is written as raw throughout when that is asked for', async () => {
    const image = await publishMachine(fixture);
    const target = fixture.path('machine');
    expect((await exportTo(target, { image: image.id, format: 'raw' })).error).toBeNull();
    expect(readFileSync(path.join(target, 'disk-vda.raw')).equals(diskContent(SIZE))).toBe(true);
    const again = await runToEnd(fixture.core(), importImage, importRequest(target, { name: 'again' }));
    expect(again.error).toBeNull();
  });
});

describe('an export that cannot be', () => {
  it('overwrites nothing', async () => {
    const image = await importOne(fixture);
    writeFileSync(fixture.path('taken'), 'precious');
    await expectFailure(exportTo(fixture.path('taken'), { image: image.id }), 'NAME_TAKEN');
    symlinkSync('/nowhere', fixture.path('dangling'));
    await expectFailure(exportTo(fixture.path('dangling'), { image: image.id }), 'NAME_TAKEN');
    expect(readFileSync(fixture.path('taken'), 'utf8')).toBe('precious');
  });

  it('overwrites nothing that came to be meanwhile', async () => {
    const image = await importOne(fixture);
    const core = fixture.core();
    const faulty = makeFaulty(core.files);
    faulty.before('hash', () => writeFileSync(fixture.path('out'), 'precious'));
    const operation = await exportTo(fixture.path('out'), { image: image.id }, { ...core, files: faulty.port });
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'NAME_TAKEN' } });
    expect(listFiles(fixture.folder)).toEqual(['content.raw', 'out']);
    expect(readFileSync(fixture.path('out'), 'utf8')).toBe('precious');
  });

  it('needs a folder that exists, and an image that is active', async () => {
    const image = await importOne(fixture);
    await expectFailure(exportTo(fixture.path('no/such/folder'), { image: image.id }), 'INVALID_REQUEST');
    await fixture.store.updateImage({ ...image, status: 'error' });
    await expectFailure(exportTo(fixture.path('out'), { image: image.id }), 'IMAGE_STATE');
  });

  it('is refused where there is too little space', async () => {
    const image = await importOne(fixture);
    const operation = await exportTo(
      fixture.path('out'),
      { image: image.id },
      fixture.core({}, { reserveBytes: 1e18 }),
    );
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'NO_SPACE' } });
    expect(listFiles(fixture.folder)).toEqual(['content.raw']);
  });

  it('notices that the store holds something else than its manifest says', async () => {
    const image = await importOne(fixture);
    const [disk] = image.disks;
    if (disk === undefined) throw new Error('no disk');
    await fixture.store.updateImage({ ...image, disks: [{ ...disk, sha256: 'a'.repeat(64) }] });
    const operation = await exportTo(fixture.path('out'), { image: image.id });
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'IMAGE_DAMAGED' } });
    expect(listFiles(fixture.folder)).toEqual(['content.raw']);
  });

  it.each(['copy', 'hash', 'rename', 'sync'] as const)('leaves nothing when it fails at %s', async (method) => {
    const image = await publishMachine(fixture);
    const before = listFiles(fixture.folder);
    const core = fixture.core();
    const faulty = makeFaulty(core.files);
    faulty.failOn(method, new DarkroomError('NO_SPACE', 'full'));
    const operation = await exportTo(fixture.path('out'), { image: image.id }, { ...core, files: faulty.port });
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'STORE_WRITE_FAILED' } });
    expect(listFiles(fixture.folder)).toEqual(before);
  });

  it('leaves nothing when it is cancelled', async () => {
    const image = await importOne(fixture);
    const request = { kind: 'image.export', image: image.id, path: fixture.path('out'), format: 'raw' } as const;
    const core = fixture.core();
    const operation = await runCancelled(core, exportImage, { request, isTime: ({ step }) => step === 'write' });
    expect(operation.status).toBe('cancelled');
    expect(listFiles(fixture.folder)).toEqual(['content.raw']);
  });

  it('leaves nothing after the next start when its process died', async () => {
    const image = await importOne(fixture);
    const core = fixture.core();
    const operation = await exportTo(fixture.path('out'), { image: image.id });
    const temporaryPath = fixture.path('.out.partial');
    mkdirSync(temporaryPath);
    writeFileSync(path.join(temporaryPath, 'disk-vda.qcow2'), 'half');
    const unfinished = {
      operation,
      owner: core.processes.self,
      isCancelRequested: false,
      revision: 1,
      plan: { version: 1, temporaryPath },
    };
    await recoverExportImage(core, unfinished);
    await recoverExportImage(core, unfinished);
    expect(listFiles(fixture.folder)).toEqual(['content.raw', 'out']);
  });
});

describe('a client of the agent', () => {
  const client = { caller: { name: 'vagrant', role: 'admin' as const, isTrustedWithPaths: false } };

  it('exports into a configured folder only, and out of it by no link', async () => {
    const image = await importOne(fixture);
    const allowed = fixture.path('transfer');
    mkdirSync(allowed);
    symlinkSync(fixture.folder, path.join(allowed, 'link'));
    const core = fixture.core(client, { transferDirs: [allowed] });
    expect((await exportTo(path.join(allowed, 'out'), { image: image.id }, core)).error).toBeNull();
    for (const target of [
      fixture.path('out'),
      path.join(allowed, 'link', 'out'),
      path.join(allowed, '..', 'out'),
      allowed,
    ]) {
      await expectFailure(exportTo(target, { image: image.id }, core), 'PATH_NOT_ALLOWED');
    }
  });
});
