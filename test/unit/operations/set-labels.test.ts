import { beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '../../../src/model/access.ts';
import { describeDomain } from '../../../src/model/domain-xml/describe-domain.ts';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { HypervisorEvent } from '../../../src/model/ports/hypervisor.ts';
import { listInstances, showInstance } from '../../../src/operations/list-instances.ts';
import { setLabels } from '../../../src/operations/set-labels.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { acquireLocks } from '../../../src/operations/support/operation-locks.ts';
import { domainXml } from '../../support/access-world.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeHypervisor, type FakeDomain, type FakeHypervisor } from '../../support/fake-hypervisor.ts';
import { createFakeLocks } from '../../support/fake-journal.ts';
import { createFakeShelf } from '../../support/fake-shelf.ts';
import { type Faulty, makeFaulty } from '../../support/faulty.ts';
import { createImageCore } from '../../support/image-core.ts';
import { makeShelved } from '../../support/sample-shelf.ts';

const UUID = '00000002-0000-4000-8000-000000000001';
const OTHER = '00000002-0000-4000-8000-000000000002';

let fake: FakeHypervisor;
let hypervisor: Faulty<FakeHypervisor>;
let core: Core;
let domain: FakeDomain;

beforeEach(() => {
  fake = createFakeHypervisor();
  hypervisor = makeFaulty(fake);
  core = createImageCore({ hypervisor: hypervisor.port });
  domain = fake.put(domainXml('anns', UUID, 'ann'), { powerState: 'running' });
});

function as(name: string): Core {
  const caller: Caller = { name, role: 'operator', isTrustedWithPaths: false };
  return { ...core, caller };
}

const labelsIn = (xml: string | null) => (xml === null ? null : describeDomain(xml).labels);
const broken = new DarkroomError('LIBVIRT_FAILED', 'broken on purpose');

describe('setting labels', () => {
  it('sets them in what runs and in what is defined, and answers the instance', async () => {
    expect(await setLabels(core, 'anns', { env: 'prod' })).toMatchObject({
      id: UUID,
      owner: 'ann',
      taskState: null,
      labels: { env: 'prod' },
    });
    expect(labelsIn(domain.activeXml)).toEqual({ env: 'prod' });
    expect(labelsIn(domain.inactiveXml)).toEqual({ env: 'prod' });
  });

  it('keeps those that are not named, and takes away those with an empty value', async () => {
    await setLabels(core, UUID, { env: 'prod', team: 'shop' });
    expect((await setLabels(core, UUID, { env: '', tier: 'db' })).labels).toEqual({ team: 'shop', tier: 'db' });
  });

  it('tells those who listen', async () => {
    const events: HypervisorEvent[] = [];
    fake.subscribe((event) => events.push(event));
    await setLabels(core, UUID, { env: 'prod' });
    expect(events).toEqual([{ kind: 'metadata', uuid: UUID }]);
  });

  it('sets them in saved memory too, with which the machine comes back', async () => {
    await setLabels(core, UUID, { env: 'before' });
    await fake.managedSaveDomain(UUID);
    await setLabels(core, UUID, { env: 'after' });
    await fake.startDomain(UUID);
    expect((await showInstance(core, UUID)).labels).toEqual({ env: 'after' });
  });

  it('INSTANCE_STATE and no change where saved memory takes none', async () => {
    await fake.managedSaveDomain(UUID);
    hypervisor.failOn('defineManagedSaveXml', broken);
    const refused = setLabels(core, UUID, { env: 'prod' });
    await expect(refused).rejects.toMatchObject({ code: 'INSTANCE_STATE', cause: broken });
    expect(labelsIn(domain.inactiveXml)).toEqual({});
    expect(await core.locks.list()).toEqual([]);
  });

  it('lets the instance go when libvirt refuses', async () => {
    hypervisor.failOn('setLabels', broken);
    await expectFailure(setLabels(core, UUID, { env: 'prod' }), 'LIBVIRT_FAILED');
    expect(await core.locks.list()).toEqual([]);
  });

  it('is refused while something works on the instance', async () => {
    const claim = { operationId: 'op-1', kind: 'image.create' };
    await acquireLocks(core, { exclusive: [`instance:${UUID}`], shared: [] }, claim);
    await expectFailure(setLabels(core, UUID, { env: 'prod' }), 'INSTANCE_BUSY');
    expect(labelsIn(domain.activeXml)).toEqual({});
  });

  it('is refused for what is shelved, which keeps its own', async () => {
    const shelf = createFakeShelf();
    await shelf.write(makeShelved(OTHER, { name: 'away', labels: { env: 'kept' } }));
    const there = createImageCore({ hypervisor: fake, shelf });
    await expectFailure(setLabels(there, 'away', { env: 'prod' }), 'INSTANCE_STATE');
    expect((await showInstance(there, 'away')).labels).toEqual({ env: 'kept' });
  });

  it('is refused for what was shelved while it waited for the lock', async () => {
    const shelf = createFakeShelf();
    const locks = createFakeLocks();
    const tryAcquire: typeof locks.tryAcquire = async (keys, claim) => {
      await shelf.write(makeShelved(UUID, { name: 'anns', state: 'shelved', host: 'host-a' }));
      return await locks.tryAcquire(keys, claim);
    };
    const late = createImageCore({ hypervisor: fake, shelf, locks: { ...locks, tryAcquire } });
    await expectFailure(setLabels(late, UUID, { env: 'prod' }), 'INSTANCE_STATE');
    expect(labelsIn(domain.inactiveXml)).toEqual({});
    expect(await locks.list()).toEqual([]);
  });

  it('is for those who see the instance', async () => {
    expect((await setLabels(as('ann'), 'anns', { env: 'prod' })).labels).toEqual({ env: 'prod' });
    await expectFailure(setLabels(as('bob'), UUID, { env: 'test' }), 'INSTANCE_NOT_FOUND');
    expect(labelsIn(domain.activeXml)).toEqual({ env: 'prod' });
  });

  it.each([{ 'a b': 'c' }, { a: 'b c' }, { a: 'x'.repeat(64) }])('refuses %j before it looks', async (labels) => {
    await expectFailure(setLabels(core, 'nobody', labels), 'INVALID_REQUEST');
  });

  it('refuses more than there may be, and changes nothing', async () => {
    const many = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`k${index}`, 'v']));
    await setLabels(core, UUID, many);
    await expectFailure(setLabels(core, UUID, { more: 'v' }), 'INVALID_REQUEST');
    expect(labelsIn(domain.inactiveXml)).toEqual(many);
  });
});

describe('a list by labels', () => {
  it('holds those that have all of them, here and on the shelf', async () => {
    const shelf = createFakeShelf();
    await shelf.write(makeShelved(OTHER, { name: 'away', labels: { env: 'prod', tier: 'db' } }));
    const here = createImageCore({ hypervisor: fake, shelf });
    await setLabels(here, UUID, { env: 'prod' });
    const list = async (labels: Record<string, string>) =>
      (await listInstances(here, { labels })).map(({ name }) => name);
    expect(await list({ env: 'prod' })).toEqual(['anns', 'away']);
    expect(await list({ env: 'prod', tier: 'db' })).toEqual(['away']);
    expect(await list({ env: 'test' })).toEqual([]);
    expect(await list({ tier: 'prod' })).toEqual([]);
  });
});
