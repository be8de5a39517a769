import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { Image } from '../../../src/model/image.ts';
import type { Operation } from '../../../src/model/operation.ts';
import type { CreateBackupRequest } from '../../../src/model/requests.ts';
import { createBackup, recoverCreateBackup } from '../../../src/operations/create-backup.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { acquireLocks } from '../../../src/operations/support/operation-locks.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { type CaptureHost, GUEST_UUID, makeCaptureHost, NOTHING_LEFT } from '../../support/capture-host.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { writeFakeDisk } from '../../support/fake-disk-tool.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { createImageCore, runToEnd } from '../../support/image-core.ts';

const OTHER_GUEST = '99999999-121e-447d-b745-f7b783b84608';

let host: CaptureHost;

beforeEach(() => {
  host = makeCaptureHost();
});

afterEach(() => host.dispose());

/** A minute after the one before. */
async function backUp(changes: Partial<CreateBackupRequest> = {}, core: Core = host.core): Promise<Operation> {
  await host.clock.sleep(60_000);
  return await runToEnd(core, createBackup, {
    ...{ kind: 'backup.create', instance: 'guest', name: 'nightly', backupType: 'daily' },
    ...{ retention: { kind: 'rotation', count: 2 }, consistency: 'auto', description: null, properties: {} },
    ...changes,
  });
}

async function madeBy(operation: Promise<Operation>): Promise<string> {
  const { error, result } = await operation;
  expect(error).toBeNull();
  return result.imageId ?? '';
}

async function images(): Promise<readonly Image[]> {
  return (await host.store.listImages()).images;
}

const idsOf = (list: readonly Image[]): readonly string[] => list.map(({ id }) => id);

/** Copies an image's record under another id, as if it had been made otherwise. */
async function addImage(id: string, like: string, changes: Partial<Image>): Promise<void> {
  const model = await host.store.readImage(like);
  const draft = await host.store.createDraft(id);
  for (const { file } of model.disks) {
    writeFakeDisk(draft.path(file), { content: 'old' });
    await draft.seal(file);
  }
  await draft.publish({ ...model, id, ...changes });
}

describe('a backup', () => {
  it('is an image that says so, and leaves the guest as a capture does', async () => {
    const id = await madeBy(backUp());
    expect((await host.store.readImage(id)).properties).toMatchObject({
      image_type: 'backup',
      backup_type: 'daily',
      instance_uuid: GUEST_UUID,
    });
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
    expect(await host.core.journal.list({ isUnsettled: true })).toEqual([]);
  });

  it('row 29: of a rotation of two, the third lets the first go, and the two newest remain in order', async () => {
    const made = [];
    for (let n = 0; n < 3; n += 1) made.push(await madeBy(backUp()));
    expect(idsOf(await images())).toEqual([made[2], made[1]]);
    await madeBy(backUp());
    expect((await images()).length).toBe(2);
  });

  it('row 30: types rotate by themselves, and nobody touches the backups of other instances', async () => {
    const weekly = await madeBy(backUp({ backupType: 'weekly' }));
    await addImage('11111111-0000-4000-8000-000000000001', weekly, {
      properties: { image_type: 'backup', backup_type: 'daily', instance_uuid: OTHER_GUEST },
    });
    for (let n = 0; n < 3; n += 1) await madeBy(backUp({ retention: { kind: 'rotation', count: 1 } }));
    const left = (await images()).map(({ properties }) => [properties['backup_type'], properties['instance_uuid']]);
    expect(left).toHaveLength(3);
    expect(left).toEqual(
      expect.arrayContaining([
        ['daily', GUEST_UUID],
        ['weekly', GUEST_UUID],
        ['daily', OTHER_GUEST],
      ]),
    );
  });

  it('row 31: plain snapshots are never rotated', async () => {
    const snapshot = (await host.capture()).result.imageId ?? '';
    for (let n = 0; n < 2; n += 1) await madeBy(backUp({ retention: { kind: 'rotation', count: 1 } }));
    expect(idsOf(await images())).toContain(snapshot);
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('row 32: a rotation of %s is refused', async (count) => {
    await expectFailure(backUp({ retention: { kind: 'rotation', count } }), 'INVALID_REQUEST');
    expect(await images()).toEqual([]);
  });

  it('row 32: a rotation of 0 keeps none', async () => {
    await madeBy(backUp());
    const { status, warnings } = await backUp({ retention: { kind: 'rotation', count: 0 } });
    expect([status, warnings]).toEqual(['succeeded', []]);
    expect(await images()).toEqual([]);
  });

  it('row 34: a backup that fails leaves no image and lets none go', async () => {
    const made = [await madeBy(backUp()), await madeBy(backUp())];
    host.diskTool.failOn('convert', new DarkroomError('COPY_FAILED', 'unreadable'));
    expect(await backUp()).toMatchObject({ status: 'failed', error: { code: 'COPY_FAILED' } });
    expect(idsOf(await images())).toEqual(made.reverse());
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it('row 34: images that failed a verify, or are going, are not counted and not rotated', async () => {
    const good = await madeBy(backUp());
    await addImage('11111111-0000-4000-8000-000000000002', good, { status: 'error' });
    await host.clock.sleep(60_000);
    const newer = { createdAt: host.clock.now().toISOString() };
    await addImage('11111111-0000-4000-8000-000000000003', good, { status: 'error', ...newer });
    const newest = await madeBy(backUp());
    expect(new Set(idsOf(await images()))).toEqual(
      new Set([newest, good, '11111111-0000-4000-8000-000000000002', '11111111-0000-4000-8000-000000000003']),
    );
  });

  it('row 35: of an instance that somebody works on is a conflict', async () => {
    const claim = { operationId: 'another', kind: 'instance.shelve' };
    await acquireLocks(host.core, { exclusive: [`instance:${GUEST_UUID}`], shared: [] }, claim);
    await expectFailure(backUp(), 'INSTANCE_BUSY');
  });

  it('keeps a protected one beyond the count', async () => {
    const first = await madeBy(backUp());
    await host.store.updateImage({ ...(await host.store.readImage(first)), protected: true });
    for (let n = 0; n < 3; n += 1) await madeBy(backUp());
    expect(idsOf(await images())).toHaveLength(3);
    expect(idsOf(await images())).toContain(first);
  });

  it("of an operator lets only its own go, and an admin's rotation counts everybody's", async () => {
    const hosts = await madeBy(backUp({ retention: { kind: 'rotation', count: 9 } }));
    const caller = { name: 'alice', role: 'operator', isTrustedWithPaths: false } as const;
    const one = { retention: { kind: 'rotation', count: 1 } } as const;
    await madeBy(backUp(one, { ...host.core, caller }));
    const hers = await madeBy(backUp(one, { ...host.core, caller }));
    expect(idsOf(await images())).toEqual([hers, hosts]);
    const last = await madeBy(backUp(one));
    expect(idsOf(await images())).toEqual([last]);
  });
});

describe('row 33: a backup that cannot be deleted', () => {
  async function makeThree(): Promise<readonly string[]> {
    const made = [];
    for (let n = 0; n < 3; n += 1) made.push(await madeBy(backUp({ retention: { kind: 'rotation', count: 9 } })));
    return made;
  }

  it('does not keep the others, nor the new one, and is told as a warning', async () => {
    const [first = '', second = '', third = ''] = await makeThree();
    await host.store.addUser(second, {
      ...{ instanceId: OTHER_GUEST, instanceName: 'clone', host: 'host-b' },
      since: host.clock.now().toISOString(),
    });
    const operation = await backUp({ retention: { kind: 'rotation', count: 1 } });
    expect(operation.status).toBe('succeeded');
    expect(operation.warnings.join()).toContain(`${second} could not be rotated out`);
    const left = idsOf(await images());
    expect(left).toEqual([operation.result.imageId, second]);
    expect(left).not.toContain(first);
    expect(left).not.toContain(third);
    expect(await host.core.locks.list()).toEqual([]);
    expect(await host.core.journal.list({ isUnsettled: true })).toEqual([]);
  });

  it('because the store fails goes at the next start, and the others at once', async () => {
    const [first = '', ...others] = await makeThree();
    const store = makeFaulty(host.core.store);
    store.before('deleteImage', (id) => {
      if (id === first) throw new DarkroomError('STORE_WRITE_FAILED', 'no answer');
    });
    const core = createImageCore({ ...host.core, store: store.port });
    const operation = await backUp({ retention: { kind: 'rotation', count: 1 } }, core);
    expect(operation.status).toBe('succeeded');
    expect(idsOf(await images())).toEqual([operation.result.imageId, first]);
    for (const id of others) expect(idsOf(await images())).not.toContain(id);

    const later = host.afterDeath();
    await recoverOperations(later, { 'backup.create': recoverCreateBackup }, await unsettled(later));
    expect(idsOf(await images())).toEqual([operation.result.imageId]);
    expect(await unsettled(later)).toEqual([]);
  });
});

async function unsettled(core: Core) {
  return await core.journal.list({ isUnsettled: true });
}

describe('row 55: a backup whose process died', () => {
  it('while it was captured puts the guest back and leaves no image', async () => {
    await madeBy(backUp());
    const never = new Promise<never>(() => {});
    host.diskTool.before('convert', () => never);
    void backUp();
    await expect.poll(() => host.diskTool.calls.includes('convert')).toBe(true);
    await expect.poll(async () => (await unsettled(host.core)).length).toBe(1);
    host.diskTool.reset();
    const later = host.afterDeath();
    await recoverOperations(later, { 'backup.create': recoverCreateBackup }, await unsettled(later));
    // its locks are nobody's
    expect(await host.leftovers()).toEqual({ ...NOTHING_LEFT, locks: expect.any(Number) });
    expect(await images()).toHaveLength(1);
  });

  it('while others were let go keeps the new one, and lets the one go that was going', async () => {
    const first = await madeBy(backUp({ retention: { kind: 'rotation', count: 9 } }));
    const store = makeFaulty(host.core.store);
    store.before('deleteImage', () => new Promise<never>(() => {}));
    void backUp({ retention: { kind: 'rotation', count: 1 } }, createImageCore({ ...host.core, store: store.port }));
    await expect.poll(() => store.calls.includes('deleteImage')).toBe(true);
    const later = host.afterDeath();
    await recoverOperations(later, { 'backup.create': recoverCreateBackup }, await unsettled(later));
    expect(idsOf(await images())).toHaveLength(1);
    expect(idsOf(await images())).not.toContain(first);
    expect(await host.leftovers()).toEqual({ ...NOTHING_LEFT, locks: expect.any(Number) });
  });
});
