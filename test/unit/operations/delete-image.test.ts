import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { deleteImage, recoverDeleteImage } from '../../../src/operations/delete-image.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { acquireLocks } from '../../../src/operations/support/operation-locks.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeHypervisor } from '../../support/fake-hypervisor.ts';
import { createFakeImageStore, type FakeImageStore } from '../../support/fake-image-store.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { createImageCore, runToEnd } from '../../support/image-core.ts';
import { makeImage, publishImage } from '../../support/sample-images.ts';

const ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';
const INSTANCE = '7d2f0b1c-1111-4222-8333-000000000009';
const USER = { instanceId: INSTANCE, instanceName: 'web-1', host: 'host-a', since: '2026-01-01T00:00:00.000Z' };

let store: FakeImageStore;
let instancesDir: string;

beforeEach(async () => {
  store = createFakeImageStore();
  instancesDir = mkdtempSync(path.join(tmpdir(), 'dr-im-'));
  await publishImage(store, makeImage(ID));
});

afterEach(() => {
  store.dispose();
  rmSync(instancesDir, { recursive: true, force: true });
});

const request = { kind: 'image.delete', image: ID } as const;

function makeCore(parts: Partial<Core> = {}): Core {
  return createImageCore({ store, ...parts }, { instancesDir });
}

it('deletes an image by name', async () => {
  const core = makeCore();
  const operation = await runToEnd(core, deleteImage, { kind: 'image.delete', image: 'image 3f1c1d5e' });
  expect(operation).toMatchObject({ status: 'succeeded', result: { imageId: ID }, target: 'image 3f1c1d5e' });
  await expectFailure(store.readImage(ID), 'IMAGE_NOT_FOUND');
  expect(await core.locks.list()).toEqual([]);
});

it('deletes an image whose manifest cannot be read, by its id', async () => {
  store.breakImage(ID, 'not JSON');
  expect((await runToEnd(makeCore(), deleteImage, request)).status).toBe('succeeded');
  expect((await store.listImages()).broken).toEqual([]);
});

it('refuses a protected image', async () => {
  await store.updateImage(makeImage(ID, { protected: true }));
  const error = await expectFailure(runToEnd(makeCore(), deleteImage, request), 'IMAGE_PROTECTED');
  expect(error.message).toContain('--no-protected');
  expect((await store.readImage(ID)).status).toBe('active');
});

it('refuses while somebody launches from it', async () => {
  const core = makeCore();
  await acquireLocks(
    core,
    { exclusive: [], shared: [`image:${ID}`] },
    { operationId: 'launch', kind: 'instance.launch' },
  );
  await expectFailure(runToEnd(core, deleteImage, request), 'IMAGE_BUSY');
});

describe('an image that an instance depends on', () => {
  beforeEach(() => store.addUser(ID, USER));

  it('cannot be deleted, and the error says by whom it is used and where', async () => {
    const hypervisor = createFakeHypervisor();
    hypervisor.put(`<domain type='qemu'><name>web-1</name><uuid>${INSTANCE}</uuid></domain>`);
    const error = await expectFailure(runToEnd(makeCore({ hypervisor }), deleteImage, request), 'IMAGE_IN_USE');
    expect(error.message).toContain('web-1 on host-a');
  });

  it.each(['disk-vda.qcow2', 'disk-vda.qcow2.bak'])(
    'cannot be deleted while %s of a lost domain is there',
    async (file) => {
      mkdirSync(path.join(instancesDir, INSTANCE));
      writeFileSync(path.join(instancesDir, INSTANCE, file), '');
      await expectFailure(runToEnd(makeCore(), deleteImage, request), 'IMAGE_IN_USE');
    },
  );

  it('cannot be deleted while libvirt cannot say whether the instance exists', async () => {
    const faulty = makeFaulty(createFakeHypervisor());
    faulty.failOn('listDomains', new DarkroomError('LIBVIRT_UNREACHABLE', 'down'));
    await expectFailure(runToEnd(makeCore({ hypervisor: faulty.port }), deleteImage, request), 'IMAGE_IN_USE');
  });

  it('is deleted with a warning when the instance left neither domain nor disk on this host', async () => {
    mkdirSync(path.join(instancesDir, INSTANCE));
    writeFileSync(path.join(instancesDir, INSTANCE, 'instance.json'), '{}');
    const operation = await runToEnd(makeCore(), deleteImage, request);
    expect(operation).toMatchObject({ status: 'succeeded' });
    expect(operation.warnings[0]).toContain('web-1');
  });

  it('is never deleted when the instance is of another host', async () => {
    await store.addUser(ID, { ...USER, host: 'host-b' });
    await expectFailure(runToEnd(makeCore(), deleteImage, request), 'IMAGE_IN_USE');
  });
});

it('stays when another host launched from it in the moment before it was marked', async () => {
  const faulty = makeFaulty(store);
  faulty.before('updateImage', () => store.addUser(ID, { ...USER, host: 'host-b' }));
  const operation = await runToEnd(makeCore({ store: faulty.port }), deleteImage, request);
  expect(operation).toMatchObject({ status: 'failed', error: { code: 'IMAGE_IN_USE' } });
  expect((await store.readImage(ID)).status).toBe('active');
});

it('stays as it was when the store cannot be written', async () => {
  const faulty = makeFaulty(store);
  faulty.failOn('updateImage', new DarkroomError('STORE_WRITE_FAILED', 'read-only'));
  const operation = await runToEnd(makeCore({ store: faulty.port }), deleteImage, request);
  expect(operation).toMatchObject({ status: 'failed', error: { code: 'STORE_WRITE_FAILED' } });
  expect((await store.readImage(ID)).status).toBe('active');
});

describe('a delete whose process died', () => {
  async function crashAt(method: 'updateImage' | 'deleteImage'): Promise<Core> {
    const faulty = makeFaulty(store);
    // nothing of the dead process runs on: neither this call nor its undo
    faulty.before(method, () => new Promise(() => undefined));
    const core = makeCore({ store: faulty.port, processes: { ...makeCore().processes } });
    void runToEnd(core, deleteImage, request);
    await new Promise((resolve) => setTimeout(resolve, 20));
    return { ...core, store, processes: { ...core.processes, isAlive: () => false } };
  }

  it('is completed when the image had been marked', async () => {
    const core = await crashAt('deleteImage');
    expect((await store.readImage(ID)).status).toBe('deleting');
    await recoverOperations(core, { 'image.delete': recoverDeleteImage });
    await expectFailure(store.readImage(ID), 'IMAGE_NOT_FOUND');
    const [entry] = await core.journal.list();
    expect(entry).toMatchObject({ plan: null, operation: { status: 'interrupted' } });
  });

  it('is completed when the manifest was gone and the files were not', async () => {
    const core = await crashAt('deleteImage');
    await store.deleteImage(ID);
    await store.createDraft(ID);
    await recoverOperations(core, { 'image.delete': recoverDeleteImage });
    expect(await store.listDraftIds()).toEqual([]);
  });

  it('leaves the image when it had not been marked', async () => {
    const core = await crashAt('updateImage');
    await recoverOperations(core, { 'image.delete': recoverDeleteImage });
    expect((await store.readImage(ID)).status).toBe('active');
  });

  it('gives the image back when an instance came to depend on it', async () => {
    const core = await crashAt('deleteImage');
    await store.addUser(ID, { ...USER, host: 'host-b' });
    await recoverOperations(core, { 'image.delete': recoverDeleteImage });
    expect((await store.readImage(ID)).status).toBe('active');
  });
});
