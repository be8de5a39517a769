import { afterEach, describe, expect, it } from 'vitest';
import type { Caller, Role } from '../../../src/model/access.ts';
import { describeDomain } from '../../../src/model/domain-xml/describe-domain.ts';
import { createImage } from '../../../src/operations/create-image.ts';
import { deleteImage } from '../../../src/operations/delete-image.ts';
import { diagnoseHost } from '../../../src/operations/diagnose-host.ts';
import { launchInstance } from '../../../src/operations/launch-instance.ts';
import { listImages, showImage } from '../../../src/operations/list-images.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { acquireLocks } from '../../../src/operations/support/operation-locks.ts';
import { unshelveInstance } from '../../../src/operations/unshelve-instance.ts';
import { domainXml } from '../../support/access-world.ts';
import { captureRequest, makeCaptureHost } from '../../support/capture-host.ts';
import { createFakeHypervisor } from '../../support/fake-hypervisor.ts';
import { createFakeImageStore } from '../../support/fake-image-store.ts';
import { createFakeShelf } from '../../support/fake-shelf.ts';
import { createImageCore, runToEnd } from '../../support/image-core.ts';
import { IMAGE_ID, launchRequest, makeLaunchHost, publishMachine } from '../../support/launch-host.ts';
import { makeImage, publishImage } from '../../support/sample-images.ts';
import { makeOperation } from '../../support/sample-operations.ts';
import { makeShelved } from '../../support/sample-shelf.ts';

const UUID = '00000002-0000-4000-8000-000000000001';

const disposals: (() => void)[] = [];
afterEach(() => {
  for (const dispose of disposals.splice(0)) dispose();
});

/** The same host as somebody else has it. */
function as(core: Core, name: string, role: Role = 'operator'): Core {
  const caller: Caller = { name, role, isTrustedWithPaths: false };
  return { ...core, caller };
}

async function failureOf(work: Promise<unknown>) {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Error) || !('code' in error) || !('fields' in error)) throw new Error('nothing was thrown');
  return { code: error.code, text: `${error.message} ${JSON.stringify(error.fields)}` };
}

describe("images of others' instances", () => {
  it("row 15: an admin captures a principal's instance: the owner can read the image", async () => {
    const host = makeCaptureHost();
    disposals.push(host.dispose);
    const owned = "<metadata><d:instance xmlns:d='urn:darkroom:instance:1' image='i' owner='ann'/></metadata>";
    const withOwner = (xml: string | null) => xml?.replace('<memory', `${owned}<memory`) ?? null;
    host.domain.activeXml = withOwner(host.domain.activeXml);
    host.domain.inactiveXml = withOwner(host.domain.inactiveXml);
    const { status, result } = await runToEnd(host.core, createImage, captureRequest());
    expect(status).toBe('succeeded');
    const id = result.imageId ?? '';
    expect(await showImage(as(host.core, 'ann'), id)).toMatchObject({
      owner: 'root',
      visibility: 'shared',
      members: ['ann'],
    });
    expect((await listImages(as(host.core, 'ann', 'reader'))).map((image) => image.id)).toEqual([id]);
    expect((await failureOf(showImage(as(host.core, 'bob'), id))).code).toBe('IMAGE_NOT_FOUND');
    expect((await failureOf(deleteImage.prepare(as(host.core, 'ann'), { kind: 'image.delete', image: id }))).code).toBe(
      'FORBIDDEN',
    );
  });

  it('a capture by its owner belongs to that alone', async () => {
    const host = makeCaptureHost();
    disposals.push(host.dispose);
    const { result } = await runToEnd(as(host.core, 'ann'), createImage, captureRequest());
    expect(await host.store.readImage(result.imageId ?? '')).toMatchObject({ owner: 'ann', visibility: 'private' });
    expect(await listImages(as(host.core, 'bob'))).toEqual([]);
  });
});

describe("launching from others' images", () => {
  it.each([
    { visibility: 'public' as const, members: [] },
    { visibility: 'shared' as const, members: ['bob'] },
  ])('works where it is $visibility, and the instance belongs to whoever launched it', async (sharing) => {
    const host = makeLaunchHost();
    disposals.push(host.dispose);
    await publishMachine(host, { changes: { owner: 'ann', ...sharing } });
    const operation = await runToEnd(as(host.core, 'bob'), launchInstance, launchRequest({ isStarted: false }));
    expect(operation).toMatchObject({ status: 'succeeded', requestedBy: 'bob' });
    const [domain] = host.fakeHypervisor.domains.values();
    expect(describeDomain(domain?.inactiveXml ?? '').owner).toBe('bob');
  });

  it.each([
    { visibility: 'private' as const, members: ['bob'] },
    { visibility: 'shared' as const, members: ['eve'] },
  ])('is IMAGE_NOT_FOUND where it is $visibility, by name and by id', async (sharing) => {
    const host = makeLaunchHost();
    disposals.push(host.dispose);
    await publishMachine(host, { changes: { owner: 'ann', ...sharing } });
    for (const image of ['golden', IMAGE_ID]) {
      const failure = await failureOf(launchInstance.prepare(as(host.core, 'bob'), launchRequest({ image })));
      expect(failure.code).toBe('IMAGE_NOT_FOUND');
    }
  });

  it("makes the host's instance for an admin", async () => {
    const host = makeLaunchHost();
    disposals.push(host.dispose);
    await publishMachine(host);
    await runToEnd(host.core, launchInstance, launchRequest({ isStarted: false }));
    const [domain] = host.fakeHypervisor.domains.values();
    expect(describeDomain(domain?.inactiveXml ?? '').owner).toBeNull();
  });
});

describe('what refusals tell of others', () => {
  it('a name that is taken is not said to be whose', async () => {
    const host = makeLaunchHost();
    disposals.push(host.dispose);
    await publishMachine(host, { changes: { owner: 'bob' } });
    host.fakeHypervisor.put(domainXml('web-1', UUID, 'ann'));
    const bobs = await failureOf(launchInstance.prepare(as(host.core, 'bob'), launchRequest()));
    expect(bobs.code).toBe('NAME_TAKEN');
    expect(bobs.text).not.toContain(UUID);
    expect((await failureOf(launchInstance.prepare(host.core, launchRequest()))).text).toContain(UUID);
  });

  it('nor when a shelved instance cannot come back for it', async () => {
    const [hypervisor, shelf] = [createFakeHypervisor(), createFakeShelf()];
    hypervisor.put(domainXml('web', UUID, 'ann'));
    const record = makeShelved('00000003-0000-4000-8000-000000000001', { name: 'web', owner: 'bob' });
    await shelf.write(record);
    const core = as(createImageCore({ hypervisor, shelf }), 'bob');
    const operation = await runToEnd(core, unshelveInstance, {
      kind: 'instance.unshelve',
      instance: 'web',
      isStarted: false,
      networks: {},
      diskDir: null,
      isCold: false,
      isStealing: false,
    });
    expect(operation.error?.code).toBe('NAME_TAKEN');
    expect(operation.error?.message).not.toContain(UUID);
  });

  it('an image that is in use is in use by so many', async () => {
    const [hypervisor, store] = [createFakeHypervisor(), createFakeImageStore()];
    disposals.push(store.dispose);
    await publishImage(store, makeImage(IMAGE_ID, { name: 'golden', owner: 'ann', visibility: 'public' }));
    const others = { anns: UUID, bobs: UUID.replace(/1$/, '2') };
    hypervisor.put(domainXml('anns', others.anns, 'ann'));
    hypervisor.put(domainXml('bobs-secret', others.bobs, 'bob'));
    const since = '2026-01-01T00:00:00.000Z';
    await store.addUser(IMAGE_ID, { instanceId: others.anns, instanceName: 'anns', host: 'host-a', since });
    await store.addUser(IMAGE_ID, { instanceId: others.bobs, instanceName: 'bobs-secret', host: 'host-a', since });
    await store.addUser(IMAGE_ID, { instanceId: UUID.replace(/1$/, '3'), instanceName: 'far', host: 'host-b', since });
    const core = createImageCore({ hypervisor, store });
    const request = { kind: 'image.delete', image: 'golden' } as const;
    const anns = await failureOf(deleteImage.prepare(as(core, 'ann'), request));
    expect(anns.code).toBe('IMAGE_IN_USE');
    expect(anns.text).toContain('anns on host-a, 2 more of somebody else');
    expect(anns.text).not.toMatch(/bobs-secret|far/);
    expect(anns.text).not.toContain(others.bobs);
    expect((await failureOf(deleteImage.prepare(core, request))).text).toContain(
      'bobs-secret on host-a, far on host-b',
    );
  });

  it('what is busy is busy, by whomever', async () => {
    const core = createImageCore({});
    const owner = core.processes.self;
    for (const [id, requestedBy] of [
      ['op-ann', 'ann'],
      ['op-bob', 'bob'],
    ] as const) {
      await core.journal.begin(makeOperation({ id, requestedBy }), { owner, plan: null });
    }
    const lock = (caller: Core, locks: { exclusive: string[]; shared: string[] }, operationId: string) =>
      acquireLocks(caller, locks, { operationId, kind: 'image.export' });
    await lock(core, { exclusive: [], shared: [`image:${IMAGE_ID}`] }, 'op-ann');
    const wanted = { exclusive: [`image:${IMAGE_ID}`], shared: [] };
    const bobs = await failureOf(lock(as(core, 'bob'), wanted, 'op-bob'));
    expect(bobs.code).toBe('IMAGE_BUSY');
    expect(bobs.text).not.toContain('op-ann');
    expect((await failureOf(lock(as(core, 'ann'), wanted, 'op-new'))).text).toContain('op-ann');
    expect((await failureOf(lock(core, wanted, 'op-new'))).text).toContain('op-ann');
  });

  it('an image that cannot be read is not there, since nobody knows whose it is', async () => {
    const store = createFakeImageStore();
    disposals.push(store.dispose);
    await publishImage(store, makeImage(IMAGE_ID, { owner: 'ann' }));
    store.breakImage(IMAGE_ID, 'no JSON');
    const core = createImageCore({ store });
    expect((await failureOf(showImage(as(core, 'ann'), IMAGE_ID))).code).toBe('IMAGE_NOT_FOUND');
    expect((await failureOf(showImage(core, IMAGE_ID))).code).toBe('IMAGE_DAMAGED');
  });

  it('several of a name are told apart by the ids of those that may be seen', async () => {
    const store = createFakeImageStore();
    disposals.push(store.dispose);
    const ids = [1, 2, 3].map((number) => IMAGE_ID.replace(/1$/, String(number)));
    const owners = ['ann', 'bob', 'bob'];
    for (const [index, id] of ids.entries()) {
      await publishImage(store, makeImage(id, { name: 'twin', owner: owners[index] ?? null }));
    }
    const core = createImageCore({ store });
    expect((await showImage(as(core, 'ann'), 'twin')).id).toBe(ids[0]);
    const bobs = await failureOf(showImage(as(core, 'bob'), 'twin'));
    expect(bobs.code).toBe('AMBIGUOUS_NAME');
    expect(bobs.text).not.toContain(ids[0]);
  });
});

describe('the doctor', () => {
  it('repairs for an admin alone', async () => {
    const core = createImageCore({});
    const repair = { isRepairing: true };
    expect((await failureOf(diagnoseHost(as(core, 'ann'), {}, repair))).code).toBe('FORBIDDEN');
    expect((await diagnoseHost(as(core, 'boss', 'admin'), {}, repair)).checks.length).toBeGreaterThan(0);
  });

  it('tells nobody else of operations and guests', async () => {
    const core = createImageCore({});
    const { checks } = await diagnoseHost(as(core, 'ann'), {}, { isRepairing: false });
    expect(checks.some(({ id }) => id.startsWith('operation.') || id.startsWith('guest.'))).toBe(false);
    expect(checks.some(({ id }) => id === 'libvirt.reachable')).toBe(true);
  });
});
