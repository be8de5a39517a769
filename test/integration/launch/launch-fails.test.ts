import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { launchInstance } from '../../../src/operations/launch-instance.ts';
import { runCancelled, runToEnd } from '../../support/image-core.ts';
import {
  IMAGE_ID,
  type LaunchHost,
  launchRequest,
  makeLaunchHost,
  NOTHING_LEFT,
  NVRAM_CONTENT,
  publishMachine,
} from '../../support/launch-host.ts';
import { ALL_PARTS } from './launch-fixture.ts';

let host: LaunchHost;

beforeEach(() => {
  host = makeLaunchHost();
});

afterEach(() => host.dispose());

describe('a launch that fails leaves nothing', () => {
  const broken = new DarkroomError('LIBVIRT_FAILED', 'broken on purpose');

  const steps: readonly (readonly [what: string, breakIt: () => void])[] = [
    ['the folder cannot be made', () => host.files.failOn('makeDirectory', broken)],
    ['the claim on the image cannot be written', () => host.store.failOn('addUser', broken)],
    ['the answer to the claim was lost', () => host.store.failAfter('addUser', broken)],
    ['the overlay cannot be created', () => host.diskTool.failOn('create', broken)],
    ['the overlay cannot be given to QEMU', () => host.files.failOn('setOwnership', broken)],
    ['the overlay cannot be synced', () => host.files.failOn('sync', broken)],
    ['the variables cannot be copied', () => host.files.failOn('copy', broken)],
    ['the seed cannot be made', () => host.seeds.failOn('create', broken)],
    ['the record cannot be written', () => host.files.failOn('writeDurably', broken)],
    ['the domain cannot be defined', () => host.hypervisor.failOn('defineDomain', broken)],
    ['the answer to the definition was lost', () => host.hypervisor.failAfter('defineDomain', broken)],
    ['the domain does not start', () => host.hypervisor.failOn('startDomain', broken)],
    ['the answer to the start was lost', () => host.hypervisor.failAfter('startDomain', broken)],
  ];

  it.each(steps)('when %s', async (_, breakIt) => {
    await publishMachine(host);
    breakIt();
    const operation = await runToEnd(host.core, launchInstance, ALL_PARTS);
    expect(operation).toMatchObject({
      status: 'failed',
      error: { code: 'LIBVIRT_FAILED', message: 'broken on purpose' },
    });
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
    expect((await host.core.journal.list({ isUnsettled: true })).length).toBe(0);
  });

  it('when the variables of the image are not what its manifest says', async () => {
    await publishMachine(host);
    writeFileSync(await host.core.store.resolveFile(IMAGE_ID, 'nvram.fd'), NVRAM_CONTENT.toUpperCase());
    const operation = await runToEnd(host.core, launchInstance, ALL_PARTS);
    expect(operation.error?.code).toBe('IMAGE_DAMAGED');
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it('when the image is marked for deletion on another host meanwhile', async () => {
    const image = await publishMachine(host);
    host.store.before('addUser', () => host.core.store.updateImage({ ...image, status: 'deleting' }));
    const operation = await runToEnd(host.core, launchInstance, launchRequest());
    expect(operation.error?.code).toBe('IMAGE_STATE');
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it('outlasts a restart of libvirt while it undoes', async () => {
    await publishMachine(host);
    const away = new DarkroomError('LIBVIRT_UNREACHABLE', 'gone for a moment');
    host.hypervisor.failAfter('startDomain', broken);
    host.hypervisor.failOn('destroyDomain', away, { times: 3 });
    const operation = await runToEnd(host.core, launchInstance, launchRequest());
    expect(operation.status).toBe('failed');
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it('leaves the disks under a guest that it cannot stop, for recovery to finish', async () => {
    await publishMachine(host);
    const away = new DarkroomError('LIBVIRT_UNREACHABLE', 'gone for good');
    host.hypervisor.failAfter('startDomain', broken);
    host.hypervisor.failOn('destroyDomain', away, { times: 1000 });
    const operation = await runToEnd(host.core, launchInstance, launchRequest());
    expect(operation.status).toBe('interrupted');
    const left = await host.leftovers();
    expect(left.domains).toEqual(['web-1']);
    expect(left.files.length).toBeGreaterThan(0);
    expect(left.users).toEqual(['web-1']);
  });

  it.each(['preparing', 'making disks', 'defining', 'starting'])('when it is cancelled at: %s', async (step) => {
    await publishMachine(host);
    const isTime = (operation: { readonly step: string }): boolean => operation.step === step;
    host.journal.before('enterStep', async (_, entered) => {
      // gives the test time to look
      if (entered !== step) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    });
    for (const method of ['addUser'] as const)
      host.store.before(method, () => new Promise((resolve) => setTimeout(resolve, 20)));
    host.diskTool.before('create', () => new Promise((resolve) => setTimeout(resolve, 20)));
    for (const method of ['defineDomain', 'startDomain'] as const)
      host.hypervisor.before(method, () => new Promise((resolve) => setTimeout(resolve, 20)));
    const operation = await runCancelled(host.core, launchInstance, { request: ALL_PARTS, isTime });
    expect(operation).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } });
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });
});
