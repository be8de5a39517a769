import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { concealKey } from '../../../src/drivers/keys/conceal-key.ts';
import { describeDomain } from '../../../src/model/domain-xml/describe-domain.ts';
import type { Image } from '../../../src/model/image.ts';
import type { JournalledOperation, Operation } from '../../../src/model/operation.ts';
import type { KeySource } from '../../../src/model/ports/key-source.ts';
import type { ExportImageRequest, VerifyImageRequest } from '../../../src/model/requests.ts';
import { createImage } from '../../../src/operations/create-image.ts';
import { exportImage } from '../../../src/operations/export-image.ts';
import { imageFromSnapshot } from '../../../src/operations/image-from-snapshot.ts';
import { launchInstance } from '../../../src/operations/launch-instance.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { verifyImage } from '../../../src/operations/verify-image.ts';
import { captureRequest } from '../../support/capture-host.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { runToEnd } from '../../support/image-core.ts';
import { launchRequest } from '../../support/launch-host.ts';
import {
  contentOf,
  createSnapshotFixture,
  infoOf,
  KIB,
  machine,
  putEncrypted,
  readDisk,
  SECRET_KEY,
  type SnapshotFixture,
  type Write,
  writeDisk,
} from '../snapshots/snapshot-fixture.ts';

const SECRET = 'correct horse battery staple';
const OTHER_KEY: KeySource = { isConfigured: true, read: async () => concealKey('another key altogether') };
/** A look at the file would find it. */
const ROOT: Write = { pattern: 0x6b, offset: 0, length: 256 * KIB };
const DATA: Write = { pattern: 0x22, offset: 128 * KIB, length: 512 * KIB };
/** Of vda and vdb. */
const SUMS = [contentOf(ROOT), contentOf(ROOT, DATA)].map(sumOf);
const CHANNEL =
  "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>" +
  "<interface type='network'><source network='default'/></interface>";

function sumOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

interface Captured {
  readonly image: Image;
  readonly operation: Operation;
  readonly journal: readonly JournalledOperation[];
}

/** QEMU takes seconds of CPU for each new encrypted disk: one capture for all, in a store that every test has a copy of. */
let origin: SnapshotFixture;
let captured: Captured;
let fixture: SnapshotFixture;
let keyed: Core;

beforeAll(async () => {
  origin = createSnapshotFixture();
  putGuest(origin);
  captured = await capture(origin);
});

afterAll(() => origin.dispose());

beforeEach(() => {
  fixture = createSnapshotFixture();
  keyed = fixture.core({ keys: SECRET_KEY });
  putGuest(fixture);
});

afterEach(() => fixture.dispose());

function putGuest({ disk, hypervisor }: SnapshotFixture): void {
  const vda = writeDisk(disk('vda.qcow2'), 'qcow2', [ROOT]);
  const base = writeDisk(disk('base.qcow2'), 'qcow2', [ROOT]);
  const vdb = writeDisk(disk('vdb.qcow2'), 'qcow2', [DATA], base);
  const disks = [
    { target: 'vda', path: vda },
    { target: 'vdb', path: vdb },
  ];
  hypervisor.put(machine(disks, CHANNEL), { powerState: 'shutdown' });
}

async function capture({ core, store }: SnapshotFixture): Promise<Captured> {
  const host = core({ keys: SECRET_KEY });
  const request = captureRequest({ instance: 'web', name: 'golden', isEncrypted: true });
  const operation = await runToEnd(host, createImage, request);
  expect(operation.error).toBeNull();
  const image = await store.readImage(operation.result.imageId ?? '');
  return { image, operation, journal: await host.journal.list() };
}

/** The store as the capture has left it. */
function takeCaptured(): Image {
  cpSync(path.join(origin.root, 'store'), path.join(fixture.root, 'store'), { recursive: true });
  return captured.image;
}

function fileOf(image: Image, file: string): string {
  return path.join(fixture.root, 'store', 'images', image.id, file);
}

function instanceFolders(): readonly string[] {
  return existsSync(fixture.instancesDir) ? readdirSync(fixture.instancesDir) : [];
}

function verifyRequest(changes: Partial<VerifyImageRequest> = {}): VerifyImageRequest {
  return { kind: 'image.verify', image: 'golden', isBooted: false, expect: null, timeoutMs: 1000, ...changes };
}

function exportRequest(name: string, format: ExportImageRequest['format'] = null): ExportImageRequest {
  return { kind: 'image.export', image: 'golden', path: fixture.disk(name), format };
}

describe('an encrypted image', () => {
  it('holds nothing in the clear, and the whole content for who has the key', async () => {
    const image = takeCaptured();
    expect(image).toMatchObject({ isEncrypted: true, disks: [{ target: 'vda' }, { target: 'vdb' }] });
    const key = await SECRET_KEY.read();
    for (const { file, sha256 } of image.disks) {
      const stored = fileOf(image, file);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(infoOf(stored)).toMatchObject({ encrypted: true });
      expect(infoOf(stored)['backing-filename']).toBeUndefined();
      expect(readFileSync(stored).includes(Buffer.alloc(4096, 0x6b))).toBe(false);
      expect(() => readDisk(stored, 'qcow2')).toThrow();
      const source = { path: fixture.disk(file.replace('disk-', '')), format: 'qcow2' } as const;
      expect(await fixture.diskTool.compare(source, { path: stored, format: 'qcow2', key })).toBe(true);
    }
  });

  it('keeps the key out of its folder and of the journal', () => {
    const image = takeCaptured();
    expect(captured.journal).toHaveLength(1);
    expect(JSON.stringify(captured)).not.toContain(SECRET);
    const folder = fileOf(image, '');
    for (const { parentPath, name } of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile()))
      expect(readFileSync(path.join(parentPath, name)).includes(SECRET)).toBe(false);
  });

  it('is made of an encrypted snapshot too, without ever lying there in the clear', async () => {
    const domainXml = machine([{ target: 'vda', path: fixture.disk('vda.qcow2') }]);
    const { id } = await putEncrypted(fixture, 'a', { writes: [ROOT], domainXml });
    const request = {
      kind: 'image.from-snapshot',
      snapshot: id,
      name: 'x',
      description: null,
      properties: {},
    } as const;
    await expectFailure(
      runToEnd(fixture.core(), imageFromSnapshot, { ...request, isEncrypted: true }),
      'ENCRYPTION_KEY_MISSING',
    );
    const { error, result, warnings } = await runToEnd(keyed, imageFromSnapshot, { ...request, isEncrypted: true });
    expect(error).toBeNull();
    expect(warnings.join()).not.toContain('encrypted');
    const image = await fixture.store.readImage(result.imageId ?? '');
    expect(image.isEncrypted).toBe(true);
    expect(readFileSync(fileOf(image, 'disk-vda.qcow2')).includes(Buffer.alloc(4096, 0x6b))).toBe(false);
  });

  it('is refused before anything is made without a key, or together with a generalization', async () => {
    const request = captureRequest({ instance: 'web', isEncrypted: true });
    await expectFailure(runToEnd(fixture.core(), createImage, request), 'ENCRYPTION_KEY_MISSING');
    await expectFailure(runToEnd(keyed, createImage, { ...request, isGeneralized: true }), 'INVALID_REQUEST');
    expect(await fixture.store.listDraftIds()).toEqual([]);
    expect((await fixture.store.listImages()).images).toEqual([]);
  });
});

describe('a launch of an encrypted image', () => {
  it('makes decrypted copies by default, and says so', async () => {
    takeCaptured();
    const { error, result, warnings } = await runToEnd(keyed, launchInstance, launchRequest());
    expect(error).toBeNull();
    expect(warnings).toContainEqual(expect.stringContaining('the disks of the instance are not'));
    const { disks } = describeDomain(fixture.hypervisor.domains.get(result.instanceId ?? '')?.inactiveXml ?? '');
    const files = disks.map((disk) => disk.path ?? '');
    expect(files.map((file) => infoOf(file)['backing-filename'])).toEqual([undefined, undefined]);
    expect(files.map((file) => sumOf(readDisk(file, 'qcow2')))).toEqual(SUMS);
  });

  it('cannot be thin', async () => {
    takeCaptured();
    await expectFailure(runToEnd(keyed, launchInstance, launchRequest({ clone: 'thin' })), 'INVALID_REQUEST');
    await expect(runToEnd(keyed, launchInstance, launchRequest({ clone: 'thin' }))).rejects.toThrow(/--clone full/);
    expect(instanceFolders()).toEqual([]);
  });

  it.each([
    ['no key', 'ENCRYPTION_KEY_MISSING', undefined],
    ['the wrong key', 'ENCRYPTION_KEY_WRONG', OTHER_KEY],
  ] as const)('leaves nothing with %s', async (_, code, keys) => {
    takeCaptured();
    const core = fixture.core(keys === undefined ? {} : { keys });
    await expectFailure(runToEnd(core, launchInstance, launchRequest()), code);
    expect(instanceFolders()).toEqual([]);
    expect([...fixture.hypervisor.domains.values()].map(({ name }) => name)).toEqual(['web']);
    expect(await core.locks.list()).toEqual([]);
  });

  it('leaves nothing where the key changes meanwhile', async () => {
    takeCaptured();
    let reads = 0;
    // vda and vdb are measured with the right one
    const read = () => (++reads > 3 ? OTHER_KEY : SECRET_KEY).read();
    const core = fixture.core({ keys: { isConfigured: true, read } });
    const operation = await runToEnd(core, launchInstance, launchRequest());
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'ENCRYPTION_KEY_WRONG' } });
    expect(instanceFolders()).toEqual([]);
  });
});

describe('a verify of an encrypted image', () => {
  it('reads it with the key, and finds damage', async () => {
    const image = takeCaptured();
    expect((await runToEnd(keyed, verifyImage, verifyRequest())).error).toBeNull();
    const core = fixture.core({ keys: OTHER_KEY });
    const operation = await runToEnd(core, verifyImage, verifyRequest());
    expect(operation.error?.code).toBe('ENCRYPTION_KEY_WRONG');
    expect((await fixture.store.readImage(image.id)).status).toBe('active');
    await expectFailure(runToEnd(fixture.core(), verifyImage, verifyRequest()), 'ENCRYPTION_KEY_MISSING');
  });

  it('finds a disk that is not encrypted, and should be', async () => {
    const image = takeCaptured();
    const disks = image.disks.map((disk) => ({ ...disk, sha256: null }));
    await fixture.store.updateImage({ ...image, disks, isEncrypted: false });
    const operation = await runToEnd(keyed, verifyImage, verifyRequest());
    expect(operation.error).toMatchObject({ code: 'IMAGE_DAMAGED' });
  });

  it('boots a decrypted copy, which goes with the machine', async () => {
    takeCaptured();
    const hypervisor = makeFaulty(fixture.hypervisor);
    let seen: readonly string[] = [];
    hypervisor.before('probeAgent', async () => {
      const trial = [...fixture.hypervisor.domains.values()].find(({ name }) => name.startsWith('darkroom-verify-'));
      if (trial === undefined) return;
      seen = describeDomain(trial.activeXml ?? '').disks.map((disk) => sumOf(readDisk(disk.path ?? '', 'qcow2')));
      trial.agent = 'answering';
    });
    const core = fixture.core({ keys: SECRET_KEY, hypervisor: hypervisor.port });
    const operation = await runToEnd(core, verifyImage, verifyRequest({ isBooted: true }));
    expect(operation.error).toBeNull();
    expect(seen).toEqual(SUMS);
    expect(instanceFolders()).toEqual([]);
  });
});

describe('an export of an encrypted image', () => {
  it.each(['qcow2', 'raw'] as const)('writes decrypted disks (%s), and says so', async (format) => {
    takeCaptured();
    const core = exporting({ keys: SECRET_KEY });
    const request = exportRequest('out', format === 'raw' ? 'raw' : null);
    const { error, warnings } = await runToEnd(core, exportImage, request);
    expect(error).toBeNull();
    expect(warnings).toContain('The image is encrypted; what was exported is not.');
    const files = ['vda', 'vdb'].map((target) => path.join(request.path, `disk-${target}.${format}`));
    expect(files.map((file) => sumOf(readDisk(file, format)))).toEqual(SUMS);
  });

  it('leaves nothing without the key, or with another', async () => {
    takeCaptured();
    const before = fixture.listDisks();
    await expectFailure(runToEnd(exporting({}), exportImage, exportRequest('out')), 'ENCRYPTION_KEY_MISSING');
    const operation = await runToEnd(exporting({ keys: OTHER_KEY }), exportImage, exportRequest('out'));
    expect(operation.error?.code).toBe('ENCRYPTION_KEY_WRONG');
    expect(fixture.listDisks()).toEqual(before);
  });
});

function exporting(parts: Partial<Pick<Core, 'keys'>>): Core {
  return fixture.core(parts, { transferDirs: [path.dirname(fixture.disk('x'))] });
}
