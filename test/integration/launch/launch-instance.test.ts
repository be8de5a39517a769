import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchInstance } from '../../../src/operations/launch-instance.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { readFakeContent, readFakeDisk } from '../../support/fake-disk-tool.ts';
import { runToEnd } from '../../support/image-core.ts';
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
import { ALL_PARTS, KEY, launch } from './launch-fixture.ts';

let host: LaunchHost;

beforeEach(() => {
  host = makeLaunchHost();
});

afterEach(() => host.dispose());

describe('a thin launch', () => {
  it('makes a running machine of its own whose disk is an overlay on the image', async () => {
    await publishMachine(host);
    const { operation, instanceId, folder, domain, xml, description } = await launch(host);
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
    const { instanceId } = await launch(host);
    expect(usersAtOverlay).toBe(1);
    expect(await host.core.store.listUsers(IMAGE_ID)).toEqual([
      { instanceId, instanceName: 'web-1', host: 'host-a', since: expect.any(String) },
    ]);
  });

  it('gives its files to QEMU alone and lets it pass the folder', async () => {
    await publishMachine(host);
    const { folder } = await launch(host, ALL_PARTS);
    const own = { uid: 64055, gid: 107, mode: 0o600 };
    for (const file of ['disk-vda.qcow2', 'nvram.fd', 'seed.iso']) {
      expect(host.fakeFiles.ownershipOf(path.join(folder, file))).toEqual(own);
    }
    expect(host.fakeFiles.ownershipOf(folder)).toEqual({ mode: 0o711 });
    expect(host.fakeFiles.ownershipOf(path.join(folder, 'instance.json'))).toEqual({ mode: 0o600 });
  });

  it('records exactly what it made, for the delete', async () => {
    await publishMachine(host);
    const { folder, instanceId } = await launch(host, ALL_PARTS);
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
    const first = await launch(host);
    const second = await launch(host, launchRequest({ name: 'web-2' }));
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
    const { folder, operation } = await launch(host, launchRequest({ clone: 'full' }));
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
    const { folder, xml } = await launch(host, launchRequest({ clone: 'full' }));
    expect(host.diskTool.calls).not.toContain('convert');
    expect(xml).toContain(`<source file="${folder}/disk-vda.raw"/>`);
    expect(xml).toContain('type="raw"');
  });

  it('makes qcow2 of a raw disk where blocks cannot be shared', async () => {
    const disks = [
      { target: 'vda', file: 'disk-vda.raw', format: 'raw' as const, virtualSizeBytes: 1, sizeBytes: 0, sha256: null },
    ];
    await publishMachine(host, { changes: { disks } });
    const { folder } = await launch(host, launchRequest({ clone: 'full' }));
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
    const { domain } = await launch(host, launchRequest({ isStarted: false }));
    expect(domain.powerState).toBe('shutdown');
    expect(host.hypervisor.calls).not.toContain('startDomain');
  });

  it('gets the memory, the processors and the network', async () => {
    host.fakeHypervisor.networks.push({ name: 'lab', isActive: true });
    await publishMachine(host);
    const { description } = await launch(host, launchRequest({ memoryMiB: 512, vcpus: 3, network: 'lab' }));
    expect(description).toMatchObject({ memoryMiB: 512, vcpus: 3 });
    expect(description.interfaces).toMatchObject([{ type: 'network', network: 'lab' }]);
  });

  it('gets a seed with host name and keys, and the user data as it is', async () => {
    await publishMachine(host);
    const { folder, instanceId, description } = await launch(
      host,
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
    const { folder } = await launch(host);
    expect(await host.fakeFiles.list(folder)).not.toContain('seed.iso');
  });
});

describe('what the image brings along', () => {
  it('is a machine of sensible defaults for an imported disk', async () => {
    await publishMachine(host, { xml: null, changes: { nvram: null, properties: { image_type: 'imported' } } });
    const { description } = await launch(host);
    expect(description).toMatchObject({ virtType: 'qemu', machine: 'q35', firmware: 'bios', memoryMiB: 512, vcpus: 1 });
  });

  it("is UEFI without variables where the source never started: libvirt makes them in the instance's folder", async () => {
    await publishMachine(host, { changes: { nvram: null } });
    const { folder, description } = await launch(host);
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
    const { operation } = await launch(host);
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
    const { operation } = await launch(host);
    expect(operation.warnings[0]).toContain('/boot/vmlinuz-test');
  });
});
