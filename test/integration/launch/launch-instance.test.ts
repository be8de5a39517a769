import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeDomain } from '../../../src/model/domain-xml/describe-domain.ts';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { LaunchInstanceRequest } from '../../../src/model/requests.ts';
import { launchInstance, recoverLaunchInstance } from '../../../src/operations/launch-instance.ts';
import { OperationRunner } from '../../../src/operations/support/operation-runner.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { readFakeContent, readFakeDisk } from '../../support/fake-disk-tool.ts';
import { runCancelled, runToEnd } from '../../support/image-core.ts';
import {
  DISK_CONTENT,
  IMAGE_ID,
  type LaunchHost,
  launchRequest,
  machineXml,
  makeLaunchHost,
  NOTHING_LEFT,
  NVRAM_CONTENT,
  publishMachine,
} from '../../support/launch-host.ts';

const KEY = 'ssh-ed25519 AAAA me@home';
const ALL_PARTS = launchRequest({ sshKeys: [KEY] });

let host: LaunchHost;

beforeEach(() => {
  host = makeLaunchHost();
});

afterEach(() => host.dispose());

async function launch(request: LaunchInstanceRequest = launchRequest()) {
  const operation = await runToEnd(host.core, launchInstance, request);
  expect(operation.error).toBeNull();
  const instanceId = operation.result.instanceId ?? '';
  const folder = path.join(host.instancesDir, instanceId);
  const domain = host.fakeHypervisor.domains.get(instanceId);
  if (domain?.inactiveXml == null) throw new Error('the domain is not there');
  return {
    operation,
    instanceId,
    folder,
    domain,
    xml: domain.inactiveXml,
    description: describeDomain(domain.inactiveXml),
  };
}

describe('a thin launch', () => {
  it('makes a running machine of its own whose disk is an overlay on the image', async () => {
    await publishMachine(host);
    const { operation, instanceId, folder, domain, xml, description } = await launch();
    expect(operation).toMatchObject({
      status: 'succeeded',
      target: 'web-1',
      result: { instanceId, imageId: IMAGE_ID },
      warnings: [],
    });
    expect(domain.powerState).toBe('running');
    expect(description).toMatchObject({
      name: 'web-1',
      uuid: instanceId,
      imageId: IMAGE_ID,
      nvramPath: `${folder}/nvram.fd`,
    });
    expect(description.interfaces[0]?.mac).toMatch(/^52:54:00:/);
    expect(xml).not.toContain('52:54:00:11:22:33');
    const image = await host.core.store.resolveFile(IMAGE_ID, 'disk-vda.qcow2');
    expect(readFakeDisk(`${folder}/disk-vda.qcow2`).backing).toEqual({ path: image, format: 'qcow2' });
    expect(xml).toContain(`<source file="${image}"><seclabel model="dac" relabel="no"/></source>`);
    expect(readFileSync(`${folder}/nvram.fd`, 'utf8')).toBe(NVRAM_CONTENT);
  });

  it('records the instance as a user of the image before the overlay exists', async () => {
    await publishMachine(host);
    let usersAtOverlay: number | null = null;
    host.diskTool.before('create', async () => {
      usersAtOverlay = (await host.core.store.listUsers(IMAGE_ID)).length;
    });
    const { instanceId } = await launch();
    expect(usersAtOverlay).toBe(1);
    expect(await host.core.store.listUsers(IMAGE_ID)).toEqual([
      { instanceId, instanceName: 'web-1', host: 'host-a', since: expect.any(String) },
    ]);
  });

  it('gives its files to QEMU alone and lets it pass the folder', async () => {
    await publishMachine(host);
    const { folder } = await launch(ALL_PARTS);
    const own = { uid: 64055, gid: 107, mode: 0o600 };
    for (const file of ['disk-vda.qcow2', 'nvram.fd', 'seed.iso']) {
      expect(host.fakeFiles.ownershipOf(path.join(folder, file))).toEqual(own);
    }
    expect(host.fakeFiles.ownershipOf(folder)).toEqual({ mode: 0o711 });
    expect(host.fakeFiles.ownershipOf(path.join(folder, 'instance.json'))).toEqual({ mode: 0o600 });
  });

  it('records exactly what it made, for the delete', async () => {
    await publishMachine(host);
    const { folder, instanceId } = await launch(ALL_PARTS);
    expect(JSON.parse(readFileSync(path.join(folder, 'instance.json'), 'utf8'))).toMatchObject({
      version: 1,
      instanceId,
      imageId: IMAGE_ID,
      clone: 'thin',
      files: ['disk-vda.qcow2', 'nvram.fd', 'seed.iso'],
    });
    expect([...(await host.fakeFiles.list(folder))].sort()).toEqual([
      'disk-vda.qcow2',
      'instance.json',
      'nvram.fd',
      'seed.iso',
    ]);
  });

  it('works for two instances of one image, with addresses of their own', async () => {
    await publishMachine(host);
    const first = await launch();
    const second = await launch(launchRequest({ name: 'web-2' }));
    expect(second.description.interfaces[0]?.mac).not.toBe(first.description.interfaces[0]?.mac);
    expect(second.folder).not.toBe(first.folder);
  });

  it('is refused where the store is not on this host', async () => {
    await publishMachine(host);
    const core = { ...host.core, store: { ...host.core.store, isLocal: false } };
    await expectFailure(runToEnd(core, launchInstance, launchRequest({ clone: 'thin' })), 'INVALID_REQUEST');
  });
});

describe('a full launch', () => {
  it('copies the disk, and leaves no claim on the image', async () => {
    await publishMachine(host);
    const { folder, operation } = await launch(launchRequest({ clone: 'full' }));
    expect(readFakeDisk(`${folder}/disk-vda.qcow2`).backing).toBeNull();
    expect(readFakeContent(`${folder}/disk-vda.qcow2`)).toBe(DISK_CONTENT);
    expect(await host.core.store.listUsers(IMAGE_ID)).toEqual([]);
    expect(operation.progress).toEqual({ done: expect.any(Number), total: expect.any(Number), unit: 'bytes' });
    expect(operation.progress?.done).toBe(operation.progress?.total);
  });

  it('shares the blocks where the file system can, also of a raw disk', async () => {
    const disks = [
      { target: 'vda', file: 'disk-vda.raw', format: 'raw' as const, virtualSizeBytes: 1, sizeBytes: 0, sha256: null },
    ];
    await publishMachine(host, { changes: { disks } });
    host.fakeFiles.canClone = true;
    const { folder, xml } = await launch(launchRequest({ clone: 'full' }));
    expect(host.diskTool.calls).not.toContain('convert');
    expect(xml).toContain(`<source file="${folder}/disk-vda.raw"/>`);
    expect(xml).toContain('type="raw"');
  });

  it('makes qcow2 of a raw disk where blocks cannot be shared', async () => {
    const disks = [
      { target: 'vda', file: 'disk-vda.raw', format: 'raw' as const, virtualSizeBytes: 1, sizeBytes: 0, sha256: null },
    ];
    await publishMachine(host, { changes: { disks } });
    const { folder } = await launch(launchRequest({ clone: 'full' }));
    expect(readFakeDisk(`${folder}/disk-vda.qcow2`).format).toBe('qcow2');
  });

  it('is refused for want of space before anything is made, where no blocks can be shared', async () => {
    await publishMachine(host);
    host.fakeFiles.declare(await host.core.store.resolveFile(IMAGE_ID, 'disk-vda.qcow2'), { device: 2 });
    host.fakeFiles.freeBytesOnDisk = 1024 ** 3 - 1;
    await expectFailure(runToEnd(host.core, launchInstance, launchRequest({ clone: 'full' })), 'NO_SPACE');
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it('is undone for want of space where blocks could have been shared, but were not', async () => {
    await publishMachine(host);
    host.fakeFiles.freeBytesOnDisk = 1024 ** 3 - 1;
    const operation = await runToEnd(host.core, launchInstance, launchRequest({ clone: 'full' }));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'NO_SPACE' } });
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });
});

describe('what the caller asks for', () => {
  it('is defined and left off with --no-start', async () => {
    await publishMachine(host);
    const { domain } = await launch(launchRequest({ isStarted: false }));
    expect(domain.powerState).toBe('shutdown');
    expect(host.hypervisor.calls).not.toContain('startDomain');
  });

  it('gets the memory, the processors and the network', async () => {
    host.fakeHypervisor.networks.push({ name: 'lab', isActive: true });
    await publishMachine(host);
    const { description } = await launch(launchRequest({ memoryMiB: 512, vcpus: 3, network: 'lab' }));
    expect(description).toMatchObject({ memoryMiB: 512, vcpus: 3 });
    expect(description.interfaces).toMatchObject([{ type: 'network', network: 'lab' }]);
  });

  it('gets a seed with host name and keys, and the user data as it is', async () => {
    await publishMachine(host);
    const { folder, instanceId, description } = await launch(
      launchRequest({ sshKeys: [KEY], userData: '#!/bin/sh\n' }),
    );
    const seed = JSON.parse(readFileSync(`${folder}/seed.iso`, 'utf8'));
    expect(seed.userData).toBe('#!/bin/sh\n');
    expect(JSON.parse(seed.metaData)).toEqual({
      'instance-id': instanceId,
      'local-hostname': 'web-1',
      'public-keys': [KEY],
    });
    expect(description.disks.find((disk) => disk.path === `${folder}/seed.iso`)).toMatchObject({ isReadOnly: true });
  });

  it('gets no seed without keys and user data', async () => {
    await publishMachine(host);
    const { folder } = await launch();
    expect(await host.fakeFiles.list(folder)).not.toContain('seed.iso');
  });
});

describe('what the image brings along', () => {
  it('is a machine of sensible defaults for an imported disk', async () => {
    await publishMachine(host, { xml: null, changes: { nvram: null, properties: { image_type: 'imported' } } });
    const { description } = await launch();
    expect(description).toMatchObject({ virtType: 'qemu', machine: 'q35', firmware: 'bios', memoryMiB: 512, vcpus: 1 });
  });

  it("is UEFI without variables where the source never started: libvirt makes them in the instance's folder", async () => {
    await publishMachine(host, { changes: { nvram: null } });
    const { folder, description } = await launch();
    expect(description.nvramPath).toBe(`${folder}/nvram.fd`);
    expect(JSON.parse(readFileSync(`${folder}/instance.json`, 'utf8')).files).toContain('nvram.fd');
  });

  it('is named in warnings where it was left out, or is new', async () => {
    const devices =
      "<hostdev mode='subsystem' type='pci'/><tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>";
    await publishMachine(host, {
      xml: machineXml({ devices }),
      changes: { tpm: [{ file: 'tpm/tpm2/state', sizeBytes: 5, sha256: 'a'.repeat(64) }] },
    });
    const { operation } = await launch();
    expect(operation.warnings).toEqual([
      'Left out, because it belongs to the source or its host: host device.',
      'Its TPM is new and empty: what the source has sealed to its own stays sealed.',
    ]);
  });

  it('is a kernel of the host that everybody may read, with a warning', async () => {
    host.fakeFiles.declare('/boot/vmlinuz-test', { kind: 'file', mode: 0o644 });
    await publishMachine(host, {
      xml: machineXml({ os: '<kernel>/boot/vmlinuz-test</kernel>' }),
      changes: { nvram: null },
    });
    const { operation } = await launch();
    expect(operation.warnings[0]).toContain('/boot/vmlinuz-test');
  });
});

describe('a launch is refused before anything is touched', () => {
  async function expectRefused(code: Parameters<typeof expectFailure>[1], request = launchRequest()): Promise<Error> {
    const error = await expectFailure(runToEnd(host.core, launchInstance, request), code);
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
    expect(await host.core.journal.list()).toEqual([]);
    return error;
  }

  it('without such an image', async () => {
    await expectRefused('IMAGE_NOT_FOUND');
  });

  it('of an image that failed a verify', async () => {
    await publishMachine(host, { changes: { status: 'error' } });
    await expectRefused('IMAGE_STATE');
  });

  it('under a name that is taken', async () => {
    await publishMachine(host);
    host.fakeHypervisor.put(machineXml());
    await expectFailure(runToEnd(host.core, launchInstance, launchRequest({ name: 'source' })), 'NAME_TAKEN');
  });

  it.each([255, 0, -1, 1.5, Number.NaN])('with %s MiB of memory', async (memoryMiB) => {
    await publishMachine(host);
    await expectRefused('INVALID_REQUEST', launchRequest({ memoryMiB }));
  });

  it.each([0, -1, 1.5])('with %s processors', async (vcpus) => {
    await publishMachine(host);
    await expectRefused('INVALID_REQUEST', launchRequest({ vcpus }));
  });

  it('on a network that is not there, naming those that are', async () => {
    await publishMachine(host);
    const error = await expectRefused('NETWORK_NOT_FOUND', launchRequest({ network: 'lab' }));
    expect(error.message).toContain('default');
  });

  it('on a network that is off, naming the remedy', async () => {
    await publishMachine(host);
    host.fakeHypervisor.networks = [{ name: 'default', isActive: false }];
    const error = await expectRefused('NETWORK_INACTIVE');
    expect(error.message).toContain('virsh net-start default');
    await launch(launchRequest({ isStarted: false }));
  });

  it('without space for the reserve', async () => {
    await publishMachine(host);
    host.fakeFiles.freeBytesOnDisk = 1024;
    await expectRefused('NO_SPACE');
  });

  it('when a disk of the image is missing', async () => {
    const image = await publishMachine(host);
    await host.fakeFiles.remove(await host.core.store.resolveFile(IMAGE_ID, image.disks[0]?.file ?? ''));
    await expectRefused('IMAGE_DAMAGED');
  });

  it('when a disk of the image was cut short', async () => {
    await publishMachine(host);
    writeFileSync(await host.core.store.resolveFile(IMAGE_ID, 'disk-vda.qcow2'), '{');
    const error = await expectRefused('IMAGE_DAMAGED');
    expect(error.message).toContain('disk-vda.qcow2 has 1 bytes, and should have');
  });

  it('when the variables of the image were cut short', async () => {
    await publishMachine(host);
    writeFileSync(await host.core.store.resolveFile(IMAGE_ID, 'nvram.fd'), '');
    await expectRefused('IMAGE_DAMAGED');
  });

  it('when a disk of the image leads to another file', async () => {
    await publishMachine(host, { disk: { backing: '/etc/shadow' } });
    const error = await expectRefused('IMAGE_DAMAGED');
    expect(error.message).toContain('/etc/shadow');
  });

  it.each(['vda/../../../etc', '../vda', ''])('when a disk of the image is called %s', async (target) => {
    const disk = {
      target,
      file: 'disk-vda.qcow2',
      format: 'qcow2' as const,
      virtualSizeBytes: 1,
      sizeBytes: 0,
      sha256: null,
    };
    await publishMachine(host, { xml: null, changes: { disks: [disk], properties: { image_type: 'imported' } } });
    await expectRefused('IMAGE_DAMAGED');
  });

  it('when the image would open a file of the host', async () => {
    await publishMachine(host, { xml: machineXml({ devices: "<gadget><source file='/etc/shadow'/></gadget>" }) });
    const error = await expectRefused('IMAGE_REJECTED');
    expect(error.message).toContain('/etc/shadow');
  });

  it.each([
    ['is not there', null],
    ['is not for everybody', { kind: 'file', mode: 0o600 }],
    ['is a folder', { kind: 'directory', mode: 0o755 }],
  ] as const)('when the kernel that the image boots from %s', async (_, stat) => {
    if (stat !== null) host.fakeFiles.declare('/boot/vmlinuz-test', stat);
    await publishMachine(host, { xml: machineXml({ os: '<kernel>/boot/vmlinuz-test</kernel>' }) });
    await expectRefused('IMAGE_REJECTED');
  });

  it('when the machine needs KVM and there is none', async () => {
    host.fakeHypervisor.hasKvm = false;
    await publishMachine(host, { xml: machineXml({ type: 'kvm' }) });
    await expectRefused('INSTANCE_UNSUPPORTED');
  });

  it('when QEMU cannot pass the folder of the image', async () => {
    await publishMachine(host);
    host.fakeFiles.declare(host.core.store.rootPath, { kind: 'directory', mode: 0o700 });
    const error = await expectRefused('STORE_UNUSABLE');
    expect(error.message).toContain(`chmod o+x ${host.core.store.rootPath}`);
  });
});

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

describe('a launch whose process died', () => {
  const never = (): Promise<never> => new Promise(() => undefined);
  const moments: readonly (readonly [what: string, die: () => void])[] = [
    ['before the folder was made', () => host.files.before('makeDirectory', never)],
    ['before the claim was written', () => host.store.before('addUser', never)],
    ['before the overlay was made', () => host.diskTool.before('create', never)],
    ['before the overlay was given to QEMU', () => host.files.before('setOwnership', never)],
    ['before the variables were copied', () => host.files.before('copy', never)],
    ['before the seed was made', () => host.seeds.before('create', never)],
    ['before the record was written', () => host.files.before('writeDurably', never)],
    ['before the domain was defined', () => host.hypervisor.before('defineDomain', never)],
  ];

  async function launchAndDie(isDead: () => boolean | Promise<boolean>): Promise<void> {
    await new OperationRunner(host.core).start(launchInstance, ALL_PARTS);
    await expect.poll(isDead).toBe(true);
  }

  async function recover(): Promise<void> {
    await recoverOperations(host.afterDeath(), { 'instance.launch': recoverLaunchInstance });
  }

  it.each(moments)('%s is undone', async (_, die) => {
    await publishMachine(host);
    let isDead = false;
    die();
    const hooks = {
      files: host.files,
      store: host.store,
      diskTool: host.diskTool,
      seeds: host.seeds,
      hypervisor: host.hypervisor,
    };
    let calls = -1;
    await launchAndDie(() => {
      const now = Object.values(hooks).reduce((sum, hook) => sum + hook.calls.length, 0);
      isDead = now === calls;
      calls = now;
      return isDead;
    });
    // hooks die with their process
    for (const hook of [host.files, host.seeds, host.diskTool, host.store, host.hypervisor]) hook.reset();
    await recover();
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
    const [entry] = await host.core.journal.list();
    expect(entry?.operation).toMatchObject({ status: 'interrupted', error: { code: 'OPERATION_INTERRUPTED' } });
  });

  it('after the domain was defined is undone', async () => {
    await publishMachine(host);
    host.journal.before('enterStep', (_, step) => (step === 'starting' ? never() : undefined));
    await launchAndDie(() => host.fakeHypervisor.domains.size === 1);
    host.journal.reset();
    await recover();
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it('keeps a domain that somebody has started since it was defined', async () => {
    await publishMachine(host);
    host.journal.before('enterStep', (_, step) => (step === 'starting' ? never() : undefined));
    await launchAndDie(() => host.fakeHypervisor.domains.size === 1);
    host.journal.reset();
    for (const uuid of host.fakeHypervisor.domains.keys()) await host.fakeHypervisor.startDomain(uuid);
    await recover();
    expect(await host.leftovers()).toMatchObject({ domains: ['web-1'], users: ['web-1'] });
  });

  it.each([
    ['was being started', 'startDomain', 'shutdown'],
    ['ran', null, 'running'],
  ] as const)('while its instance %s keeps it, for it may hold data', async (_, method, powerState) => {
    await publishMachine(host);
    if (method !== null) host.hypervisor.before(method, never);
    else host.journal.before('enterStep', (_id, step) => (step === 'started' ? never() : undefined));
    await launchAndDie(
      () =>
        host.hypervisor.calls.includes('startDomain') &&
        (method !== null || [...host.fakeHypervisor.domains.values()][0]?.powerState === 'running'),
    );
    host.hypervisor.reset();
    host.journal.reset();
    await recover();
    const left = await host.leftovers();
    expect(left).toMatchObject({ domains: ['web-1'], users: ['web-1'], locks: [] });
    expect([...host.fakeHypervisor.domains.values()][0]?.powerState).toBe(powerState);
    const [entry] = await host.core.journal.list();
    expect(entry?.operation.warnings[0]).toContain('is kept');
    expect(entry?.plan).toBeNull();
  });
});
