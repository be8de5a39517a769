import { statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exportImage } from '../../../src/operations/export-image.ts';
import { importImage } from '../../../src/operations/import-image.ts';
import { verifyImage } from '../../../src/operations/verify-image.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { runToEnd } from '../../support/image-core.ts';
import { useFileSystem, useFolder } from '../host/file-systems.ts';
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

describe('on a file system that shares blocks', () => {
  const folder = useFolder();
  const xfs = useFileSystem(folder, 'xfs', 320);
  let fixture: ImageFixture;

  beforeEach(() => {
    fixture = createImageFixture(xfs.path('.'));
  });

  afterEach(() => fixture.dispose());

  function makeQcow2(): string {
    const file = fixture.path('disk.qcow2');
    qemuImg('convert', '-f', 'raw', '-O', 'qcow2', writeRawDisk(fixture.path('content.raw')), file);
    return file;
  }

  it('an import of a clean qcow2 copies nothing, and its sum comes with the first verify', async () => {
    const source = makeQcow2();
    const core = fixture.core();
    const faulty = makeFaulty(core.diskTool);
    const operation = await runToEnd({ ...core, diskTool: faulty.port }, importImage, importRequest(source));
    expect(faulty.calls).not.toContain('convert');
    const { imageId = '' } = operation.result;
    const image = await fixture.store.readImage(imageId);
    expect(image).toMatchObject({
      checksum: { value: null },
      disks: [{ sha256: null, sizeBytes: statSync(source).size }],
    });
    expect(sha256Of(fixture.fileOf(image, 'disk-vda.qcow2'))).toBe(sha256Of(source));

    const request = { kind: 'image.verify', image: imageId, isBooted: false, expect: null, timeoutMs: 0 } as const;
    expect((await runToEnd(core, verifyImage, request)).error).toBeNull();
    expect((await fixture.store.readImage(imageId)).checksum.value).toBe(sha256Of(source));
  });

  it('an export of what is not hashed yet is verified all the same', async () => {
    const source = makeQcow2();
    const imported = await runToEnd(fixture.core(), importImage, importRequest(source));
    const target = fixture.path('out.qcow2');
    const request = { kind: 'image.export', image: imported.result.imageId ?? '', path: target, format: null } as const;
    expect((await runToEnd(fixture.core(), exportImage, request)).error).toBeNull();
    expect(sha256Of(target)).toBe(sha256Of(source));
  });

  it('a qcow2 with internal snapshots is converted, and its private copy goes', async () => {
    const source = makeQcow2();
    qemuImg('snapshot', '-c', 'before', source);
    const operation = await runToEnd(fixture.core(), importImage, importRequest(source));
    const image = await fixture.store.readImage(operation.result.imageId ?? '');
    const file = fixture.fileOf(image, 'disk-vda.qcow2');
    expect(image.disks[0]?.sha256).toBe(sha256Of(file));
    expect(readContent(file, 'qcow2').equals(diskContent(4 * 1024 ** 2))).toBe(true);
    expect(fixture.filesOf(image)).toEqual(['disk-vda.qcow2', 'manifest.json']);
  });

  it('an overlay is refused there too', async () => {
    const source = makeQcow2();
    qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', source, '-F', 'qcow2', fixture.path('overlay.qcow2'), '4M');
    const operation = await runToEnd(fixture.core(), importImage, importRequest(fixture.path('overlay.qcow2')));
    expect(operation).toMatchObject({ error: { code: 'IMAGE_REJECTED' } });
    expect(await fixture.drafts()).toEqual([]);
  });
});
