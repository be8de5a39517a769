import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { DOMAIN_XML_FILE, type Image } from '../../../src/model/image.ts';
import type { JournalledOperation } from '../../../src/model/operation.ts';
import type { CopyImageRequest } from '../../../src/model/store-requests.ts';
import { copyImage, recoverCopyImage } from '../../../src/operations/copy-image.ts';
import type { Core, HostSettings } from '../../../src/operations/support/context.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeImageStore, type FakeImageStore } from '../../support/fake-image-store.ts';
import { createFakeShelf, type FakeShelf } from '../../support/fake-shelf.ts';
import { createFakeStores } from '../../support/fake-stores.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { createImageCore, NO_QUOTA, runCancelled, runToEnd } from '../../support/image-core.ts';
import { makeImage } from '../../support/sample-images.ts';
import { makeOperation } from '../../support/sample-operations.ts';

const ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';
const XML = '<domain/>';
const CREATED = '2026-01-01T00:00:00.000Z';

let here: FakeImageStore;
let there: FakeImageStore;
let shelf: FakeShelf;
let image: Image;

beforeEach(async () => {
  here = createFakeImageStore();
  there = createFakeImageStore();
  shelf = createFakeShelf();
  image = await fill({ owner: 'ann', visibility: 'shared', members: ['bob'], protected: true });
});

function sum(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

function diskOf(target: string): Image['disks'][number] {
  const file = `disk-${target}.qcow2`;
  return { target, file, format: 'qcow2', virtualSizeBytes: 2 ** 30, sizeBytes: file.length, sha256: sum(file) };
}

/** Two disks and firmware, each of which holds its own name, and a definition. */
async function fill(changes: Partial<Image>): Promise<Image> {
  const nvram = { file: 'nvram.fd', sizeBytes: 8, sha256: sum('nvram.fd') };
  const tpm = [{ file: 'tpm/state', sizeBytes: 9, sha256: sum('tpm/state') }];
  const made = makeImage(ID, { name: 'web', disks: [diskOf('vda'), diskOf('vdb')], nvram, tpm, ...changes });
  const draft = await here.createDraft(ID);
  for (const { file } of [...made.disks, nvram, ...tpm]) {
    writeFileSync(draft.path(file), file);
    await draft.seal(file);
  }
  writeFileSync(draft.path(DOMAIN_XML_FILE), XML);
  await draft.seal(DOMAIN_XML_FILE);
  await draft.publish(made);
  return made;
}

function makeCore(parts: Partial<Core> = {}, settings: Partial<HostSettings> = {}): Core {
  const stores = createFakeStores({ default: { images: here }, backup: { images: there, shelf } });
  return createImageCore({ store: here, stores, ...parts }, settings);
}

function request(changes: Partial<CopyImageRequest> = {}): CopyImageRequest {
  return { kind: 'image.copy', image: 'web', from: null, to: 'backup', ...changes };
}

function as(name: string, role: 'operator' | 'admin' = 'operator'): Core['caller'] {
  return { name, role, isTrustedWithPaths: false };
}

async function expectNothingLeft(): Promise<void> {
  expect(await there.listDraftIds()).toEqual([]);
  expect((await there.listImages()).images).toEqual([]);
  expect([...shelf.claims.keys()]).toEqual([]);
}

describe('a copy of an image', () => {
  it('is the same image in the other store, files and all', async () => {
    const operation = await runToEnd(makeCore(), copyImage, request());
    expect(operation).toMatchObject({ status: 'succeeded', error: null, result: { imageId: ID }, warnings: [] });
    const { checksum: _, ...copy } = await there.readImage(ID);
    expect(image).toMatchObject(copy);
    for (const file of ['disk-vda.qcow2', 'disk-vdb.qcow2', 'nvram.fd', 'tpm/state']) {
      expect(readFileSync(await there.resolveFile(ID, file), 'utf8')).toBe(file);
    }
    expect(readFileSync(await there.resolveFile(ID, DOMAIN_XML_FILE), 'utf8')).toBe(XML);
    expect([...shelf.claims.keys()]).toEqual([]);
  });

  it('leaves those who use it with the one that they use', async () => {
    const user = { instanceId: '7d2f0b1c-1111-4222-8333-000000000009', instanceName: 'i', host: 'h', since: CREATED };
    await here.addUser(ID, user);
    await runToEnd(makeCore(), copyImage, request());
    expect(await there.listUsers(ID)).toEqual([]);
    expect(await here.listUsers(ID)).toEqual([user]);
  });

  it('comes from another store to the own one, and back is nothing to do', async () => {
    const core = makeCore();
    await runToEnd(core, copyImage, request());
    await here.deleteImage(ID);
    expect((await runToEnd(core, copyImage, request({ from: 'backup', to: null }))).status).toBe('succeeded');
    expect(await here.readImage(ID)).toMatchObject({ name: 'web', owner: 'ann' });
    const again = await runToEnd(core, copyImage, request());
    expect(again).toMatchObject({ status: 'succeeded', warnings: [expect.stringContaining('nothing was copied')] });
  });

  it('has the sums that the image had not', async () => {
    const disks = image.disks.map((disk) => ({ ...disk, sha256: null }));
    await here.updateImage({ ...image, disks, checksum: { algorithm: 'sha256', value: null } });
    await runToEnd(makeCore(), copyImage, request());
    const copy = await there.readImage(ID);
    expect(copy.disks).toEqual(image.disks);
    expect(copy.checksum.value).not.toBeNull();
  });
});

describe('a copy of an image is refused', () => {
  it('within one store, whatever it is called', async () => {
    const core = makeCore();
    for (const place of [
      { to: null },
      { to: 'default' },
      { to: here.location },
      { from: 'backup' },
      { from: 'default', to: null },
    ]) {
      await expectFailure(runToEnd(core, copyImage, request(place)), 'INVALID_REQUEST');
    }
  });

  it('to a place that a client of the agent names, and to a store that nobody has configured', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'dr-copy-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const core = makeCore({ caller: as('boss', 'admin') });
    for (const to of [folder, 's3://bucket/elsewhere']) {
      await expectFailure(runToEnd(core, copyImage, request({ to })), 'PATH_NOT_ALLOWED');
    }
    await expectFailure(runToEnd(core, copyImage, request({ to: 'nobodys' })), 'STORE_NOT_FOUND');
    expect((await runToEnd(makeCore(), copyImage, request({ to: folder }))).status).toBe('succeeded');
    await expectFailure(runToEnd(makeCore(), copyImage, request({ to: '/nowhere/at/all' })), 'INVALID_REQUEST');
  });

  it('to who may not see it, and not to who may', async () => {
    await expectFailure(runToEnd(makeCore({ caller: as('eve') }), copyImage, request()), 'IMAGE_NOT_FOUND');
    expect((await runToEnd(makeCore({ caller: as('bob') }), copyImage, request())).status).toBe('succeeded');
    expect(await there.readImage(ID)).toMatchObject({ owner: 'ann' });
  });

  it('for what is not active, and for a shelved instance, whose record would stay behind', async () => {
    await here.updateImage({ ...image, status: 'error' });
    await expectFailure(runToEnd(makeCore(), copyImage, request()), 'IMAGE_STATE');
    await here.updateImage({ ...image, properties: { image_type: 'shelved' } });
    await expectFailure(runToEnd(makeCore(), copyImage, request()), 'IMAGE_STATE');
  });

  it('where another image has its id, or a deleted one that can be brought back', async () => {
    await runToEnd(makeCore(), copyImage, request());
    await there.updateImage({ ...image, disks: [{ ...diskOf('vda'), sha256: sum('other') }, diskOf('vdb')] });
    expect((await runToEnd(makeCore(), copyImage, request())).error?.code).toBe('IMAGE_STATE');
    await there.recycleImage(ID, { deletedAt: CREATED, deletedBy: null, expiresAt: '2027-01-01T00:00:00.000Z' });
    expect((await runToEnd(makeCore(), copyImage, request())).error?.code).toBe('IMAGE_STATE');
  });

  it('without room, and beyond the quota of its owner in the own store', async () => {
    const core = makeCore({}, { reserveBytes: 1e13 });
    expect((await runToEnd(core, copyImage, request())).error?.code).toBe('NO_SPACE');
    await runToEnd(makeCore(), copyImage, request());
    await here.deleteImage(ID);
    const tight = makeCore({ caller: as('bob') }, { quota: { ...NO_QUOTA, maxImages: 0 } });
    const back = await runToEnd(tight, copyImage, request({ from: 'backup', to: null }));
    expect(back.error).toMatchObject({ code: 'QUOTA_EXCEEDED', message: expect.stringContaining('ann') });
  });

  it('while another host copies it there, whose files stay', async () => {
    const other = { instanceId: ID, host: 'host-b', operationId: 'op-b', kind: 'image.copy', since: CREATED };
    await shelf.claim(other);
    const draft = await there.createDraft(ID);
    writeFileSync(draft.path('disk-vda.qcow2'), 'half');
    expect((await runToEnd(makeCore(), copyImage, request())).error?.code).toBe('IMAGE_BUSY');
    expect(existsSync(draft.path('disk-vda.qcow2'))).toBe(true);
    expect(await shelf.readClaim(ID)).toEqual(other);
  });
});

describe('a copy of an image that fails', () => {
  it('leaves nothing behind, whatever it was that failed', async () => {
    for (const name of ['createDraft', 'assertWritable'] as const) {
      const faulty = makeFaulty(there);
      faulty.failOn(name, new DarkroomError('STORE_WRITE_FAILED', 'broken'));
      const stores = createFakeStores({ default: { images: here }, backup: { images: faulty.port, shelf } });
      expect((await runToEnd(makeCore({ stores }), copyImage, request())).error?.code).toBe('STORE_WRITE_FAILED');
      await expectNothingLeft();
    }
    for (const [name, at] of [
      ['copy', 2],
      ['hash', 3],
      ['copy', 5],
    ] as const) {
      const faulty = makeFaulty(makeCore().files);
      let calls = 0;
      faulty.before(name, () => {
        calls += 1;
        if (calls === at) throw new DarkroomError('NO_SPACE', 'full');
      });
      const operation = await runToEnd(makeCore({ files: faulty.port }), copyImage, request());
      expect(operation).toMatchObject({ status: 'failed', error: { code: 'STORE_WRITE_FAILED' } });
      await expectNothingLeft();
    }
  });

  it('tells a source that is damaged from a copy that is', async () => {
    const { files } = makeCore();
    const garble: Core['files'] = {
      ...files,
      copy: async (from, to, options) => {
        await files.copy(from, to, options);
        if (to.includes('vdb')) writeFileSync(to, 'X'.repeat(14));
      },
    };
    const bad = await runToEnd(makeCore({ files: garble }), copyImage, request());
    expect(bad.error?.code).toBe('COPY_FAILED');
    await expectNothingLeft();
    writeFileSync(await here.resolveFile(ID, 'disk-vdb.qcow2'), 'Y'.repeat(14));
    expect((await runToEnd(makeCore(), copyImage, request())).error?.code).toBe('IMAGE_DAMAGED');
    await expectNothingLeft();
  });

  it('leaves nothing behind when it is cancelled', async () => {
    const { files } = makeCore();
    const slow: Core['files'] = {
      ...files,
      hash: async (file, options) => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        if (options?.signal?.aborted === true) throw new DarkroomError('CANCELLED', 'cancelled');
        return await files.hash(file, options);
      },
    };
    const isTime = ({ step }: { readonly step: string }): boolean => step === 'copy';
    const operation = await runCancelled(makeCore({ files: slow }), copyImage, { request: request(), isTime });
    expect(operation).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } });
    await expectNothingLeft();
  });
});

describe('a copy of an image whose process dies', () => {
  const dead: JournalledOperation = {
    operation: makeOperation({ id: 'op-dead', kind: 'image.copy' }),
    owner: { pid: 1, startTicks: 1, bootId: 'b' },
    plan: null,
    isCancelRequested: false,
    revision: 1,
  };

  it('keeps what had arrived, and the next one goes on from there', async () => {
    const draft = await there.createDraft(ID);
    writeFileSync(draft.path('disk-vda.qcow2'), 'disk-vda.qcow2');
    await draft.seal('disk-vda.qcow2');
    writeFileSync(draft.path('disk-vdb.qcow2'), 'half');
    await shelf.claim({ instanceId: ID, host: 'host-a', operationId: 'op-dead', kind: 'image.copy', since: CREATED });
    const plan = { version: 1, imageId: ID, location: there.location };
    const notes = await recoverCopyImage(makeCore(), { ...dead, plan });
    expect(notes.join()).toContain('the same command goes on from there');
    expect(await there.listDraftIds()).toEqual([ID]);
    const faulty = makeFaulty(makeCore().files);
    expect((await runToEnd(makeCore({ files: faulty.port }), copyImage, request())).status).toBe('succeeded');
    // of five files all but the first disk
    expect(faulty.calls.filter((call) => call === 'copy')).toHaveLength(4);
    expect((await there.readImage(ID)).disks).toEqual(image.disks);
  });

  it('does not go on from what is not what it should be', async () => {
    const draft = await there.createDraft(ID);
    writeFileSync(draft.path('disk-vda.qcow2'), 'DISK-vda.qcow2');
    await draft.seal('disk-vda.qcow2');
    expect((await runToEnd(makeCore(), copyImage, request())).status).toBe('succeeded');
    expect(readFileSync(await there.resolveFile(ID, 'disk-vda.qcow2'), 'utf8')).toBe('disk-vda.qcow2');
  });

  it('says so when all had arrived', async () => {
    const core = makeCore();
    await runToEnd(core, copyImage, request());
    const plan = { version: 1, imageId: ID, location: there.location };
    expect((await recoverCopyImage(core, { ...dead, plan })).join()).toContain('had arrived');
    expect((await there.readImage(ID)).name).toBe('web');
  });
});
