import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { RECOVERY } from '../../../src/operations/recovery-table.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { unshelveInstance } from '../../../src/operations/unshelve-instance.ts';
import { readFakeContent } from '../../support/fake-disk-tool.ts';
import { runToEnd } from '../../support/image-core.ts';
import { createGate, type PortCall } from '../../support/mishaps.ts';
import { makeOperation, processIdentity } from '../../support/sample-operations.ts';
import { makeClaim } from '../../support/sample-shelf.ts';
import { GUEST_UUID, lookAt, makeShelfHost, type ShelfHost, unshelveRequest } from '../../support/shelf-host.ts';
import { anotherHost, dieWhileUnshelving, readRecord, shelveGuest, unshelve } from './shelf-fixture.ts';

let host: ShelfHost;
beforeEach(() => {
  host = makeShelfHost();
});
afterEach(() => host.dispose());

describe('the claim on a shelved instance', () => {
  it('of another host makes it busy, and --steal takes it', async () => {
    await shelveGuest(host);
    await host.storage.shelf.claim(makeClaim(GUEST_UUID, 'host-b'));
    expect(await unshelve(host)).toMatchObject({ status: 'failed', error: { code: 'INSTANCE_BUSY' } });
    expect([...host.storage.shelf.claims.values()]).toMatchObject([{ host: 'host-b' }]);
    expect(await unshelve(host, { isStealing: true })).toMatchObject({ status: 'succeeded' });
    expect(host.storage.shelf.claims.size).toBe(0);
  });

  it('of a dead process of this host is taken over where its operation is on record', async () => {
    await shelveGuest(host);
    const claim = makeClaim(GUEST_UUID, 'host-a');
    await host.storage.shelf.claim(claim);
    expect((await unshelve(host)).error?.code).toBe('INSTANCE_BUSY');
    const operation = makeOperation({ id: claim.operationId, kind: 'instance.unshelve' });
    await host.fakes.journal.begin(operation, { owner: processIdentity(3), plan: null });
    const { status, warnings } = await unshelve(host);
    expect(status).toBe('succeeded');
    expect(warnings[0]).toContain('taken over');
  });

  it('lets only one of two commands on two hosts have it', async () => {
    await shelveGuest(host, { guest: { isLaunched: true } });
    const ended = await Promise.all([unshelve(host), unshelve(anotherHost(host))]);
    expect(ended.map(({ status }) => status).sort()).toEqual(['failed', 'succeeded']);
    expect(ended.find(({ status }) => status === 'failed')?.error?.code).toBe('INSTANCE_BUSY');
  });

  it('that was taken over keeps a late recovery from the machine that has come back since', async () => {
    await shelveGuest(host, { guest: { isLaunched: true } });
    const gate = createGate({ at: 8, mishap: 'death' });
    await runToEnd(host.process(1000, gate), unshelveInstance, unshelveRequest()).catch(() => null);
    const [dead] = await host.fakes.journal.list({ isUnsettled: true });
    if (dead === undefined) throw new Error('nothing was left to recover');
    // it had planned its files, and made none
    await host.fakes.journal.enterStep(dead.operation.id, 'bring files', {
      ...Object(dead.plan),
      folder: host.at('instances', GUEST_UUID),
      files: [
        {
          path: host.at('instances', GUEST_UUID, 'nvram.fd'),
          partial: host.at('instances', GUEST_UUID, '.nvram.partial'),
          inode: null,
        },
      ],
    });
    const next = host.process(2000);
    // what it has to put right is not taken from it unasked
    expect((await runToEnd(next, unshelveInstance, unshelveRequest())).error?.code).toBe('INSTANCE_BUSY');
    expect((await runToEnd(next, unshelveInstance, unshelveRequest({ isStealing: true }))).status).toBe('succeeded');
    const back = await lookAt(host);
    await recoverOperations(host.process(3000), RECOVERY);
    expect(await lookAt(host)).toEqual({ ...back, unsettled: 0 });
  });
});

describe('an unshelve whose host died', () => {
  const isStarted = ({ method }: PortCall): boolean => method === 'startDomain';

  it.each([
    ['when the image was marked', ({ method }: PortCall) => method === 'updateImage'],
    ['when the disks had moved', isStarted],
  ])('can be taken over by another host: %s', async (_, isLast) => {
    await dieWhileUnshelving(host, isLast);
    const other = anotherHost(host);
    expect(await unshelve(other)).toMatchObject({ error: { code: 'INSTANCE_BUSY' } });
    expect(await unshelve(other, { isStealing: true })).toMatchObject({ status: 'succeeded', error: null });
    expect(readFakeContent(other.at('instances', GUEST_UUID, 'vda.qcow2'))).toBe('of vda');
    expect(other.guest()?.powerState).toBe('running');
  });

  it('takes over an image whose tables its QEMU touched', async () => {
    await dieWhileUnshelving(host, isStarted);
    writeFileSync(host.at('instances', GUEST_UUID, 'vda.qcow2'), ' ', { flag: 'a' });
    expect(await unshelve(anotherHost(host), { isStealing: true })).toMatchObject({ status: 'succeeded', error: null });
  });

  it('puts itself right when somebody took it over and failed', async () => {
    await dieWhileUnshelving(host, isStarted);
    const other = anotherHost(host);
    other.hypervisor.failOn('startDomain', new DarkroomError('LIBVIRT_FAILED', 'no such CPU'));
    expect((await unshelve(other, { isStealing: true })).status).toBe('failed');
    await recoverOperations(host.process(2000), RECOVERY);
    expect(await lookAt(host)).toMatchObject({
      guest: undefined,
      files: {},
      images: ['guest-shelved active'],
      record: { state: 'shelved_offloaded' },
      claims: 0,
      unsettled: 0,
    });
    expect((await unshelve(other)).status).toBe('succeeded');
  });

  it('leaves no machine that was just being started when it died', async () => {
    await dieWhileUnshelving(host, ({ method, args }) => method === 'enterStep' && args[1] === 'start');
    // libvirt was asked before, and does it now
    host.hypervisor.before('undefineDomain', async () => {
      await host.fakes.hypervisor.startDomain(GUEST_UUID, { isPaused: true });
    });
    await recoverOperations(host.process(2000), RECOVERY);
    expect(await lookAt(host)).toMatchObject({ guest: undefined, files: {}, claims: 0, unsettled: 0 });
  });

  it('does not believe a checksum of a disk that a QEMU had open', async () => {
    await shelveGuest(host);
    const { imageId } = await readRecord(host);
    const image = await host.storage.store.readImage(imageId);
    const disks = image.disks.map((disk) => ({ ...disk, sha256: 'a'.repeat(64) }));
    await host.storage.store.updateImage({ ...image, disks });
    host.hypervisor.failAfter('startDomain', new DarkroomError('LIBVIRT_FAILED', 'broken on purpose'));
    expect((await unshelve(host)).status).toBe('failed');
    const { status, disks: now } = await host.storage.store.readImage(imageId);
    expect(status).toBe('active');
    expect(now.map(({ sha256 }) => sha256)).toEqual([null, null]);
  });
});
