import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchInstance } from '../../../src/operations/launch-instance.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { runToEnd } from '../../support/image-core.ts';
import {
  IMAGE_ID,
  type LaunchHost,
  launchRequest,
  machineXml,
  makeLaunchHost,
  NOTHING_LEFT,
  publishMachine,
} from '../../support/launch-host.ts';
import { launch } from './launch-fixture.ts';

let host: LaunchHost;

beforeEach(() => {
  host = makeLaunchHost();
});

afterEach(() => host.dispose());

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
    await launch(host, launchRequest({ isStarted: false }));
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
