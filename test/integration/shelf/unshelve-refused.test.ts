import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RECOVERY } from '../../../src/operations/recovery-table.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { makeClaim } from '../../support/sample-shelf.ts';
import { lookAt, makeShelfHost, putGuest, type ShelfHost } from '../../support/shelf-host.ts';
import { dieWhileUnshelving, readRecord, shelve, shelveGuest, unshelve } from './shelf-fixture.ts';

let host: ShelfHost;
beforeEach(() => {
  host = makeShelfHost();
});
afterEach(() => host.dispose());

describe('an unshelve is refused, and the instance is still shelved', () => {
  const rows: readonly (readonly [code: string, what: string, arrange: () => unknown])[] = [
    [
      'NAME_TAKEN',
      'its name is taken',
      () => host.fakes.hypervisor.put(`<domain><name>guest</name><uuid>${makeClaim('x').operationId}</uuid></domain>`),
    ],
    ['NAME_TAKEN', 'a file lies where a disk would', () => writeFileSync(host.at('disks', 'vda.qcow2'), 'mine')],
    ['INSTANCE_UNSUPPORTED', 'there is no folder for its disks', () => rmSync(host.at('disks'), { recursive: true })],
    ['NETWORK_NOT_FOUND', 'its network is missing', () => Object.assign(host.fakes.hypervisor, { networks: [] })],
    [
      'NETWORK_INACTIVE',
      'its network is off',
      () => Object.assign(host.fakes.hypervisor, { networks: [{ name: 'default', isActive: false }] }),
    ],
  ];

  it.each(rows)('%s when %s', async (code, _, arrange) => {
    await shelveGuest(host);
    arrange();
    const before = await lookAt(host);
    expect(await unshelve(host)).toMatchObject({ status: 'failed', error: { code } });
    expect(await lookAt(host)).toEqual(before);
  });

  it.each([
    [
      'SHELF_DAMAGED',
      "<disk type='file' device='disk'><driver type='raw'/><source file='/etc/shadow'/><target dev='vdz'/></disk>",
    ],
    [
      'SHELF_DAMAGED',
      "<disk type='file' device='lun'><driver type='raw'/><source file='/etc/shadow'/><target dev='vdz'/></disk>",
    ],
    ['INSTANCE_UNSUPPORTED', "<hostdev mode='subsystem' type='pci'/>"],
  ])('%s when somebody gave it more of a host in the store: %s', async (code, device) => {
    await shelveGuest(host, { request: { keepsMemory: true } });
    const { imageId } = await readRecord(host);
    for (const name of ['memory.xml', 'domain.xml']) {
      const file = await host.storage.store.resolveFile(imageId, name);
      const whole = readFileSync(file, 'utf8');
      writeFileSync(file, whole.replace('</devices>', `${device}</devices>`));
      const before = await lookAt(host);
      expect(await unshelve(host)).toMatchObject({ status: 'failed', error: { code } });
      expect(await lookAt(host)).toEqual(before);
      writeFileSync(file, whole);
    }
  });

  it('NAME_TAKEN when it has no firmware variables yet and those of somebody else lie there', async () => {
    await putGuest(host, { powerState: 'shutdown' });
    const nvram = host.at('nvram', 'guest_VARS.fd');
    rmSync(nvram);
    expect((await shelve(host)).status).toBe('succeeded');
    writeFileSync(nvram, 'of somebody else');
    expect(await unshelve(host)).toMatchObject({ status: 'failed', error: { code: 'NAME_TAKEN' } });
    expect(readFileSync(nvram, 'utf8')).toBe('of somebody else');
  });

  it.each(['IMAGE_NOT_FOUND', 'IMAGE_DAMAGED'])('%s when its image is not whole', async (code) => {
    await shelveGuest(host);
    const { imageId } = await readRecord(host);
    if (code === 'IMAGE_NOT_FOUND') await host.storage.store.deleteImage(imageId);
    else rmSync(await host.storage.store.resolveFile(imageId, 'disk-vda.qcow2'));
    expect((await unshelve(host)).error?.code).toBe(code);
    expect(await lookAt(host)).toMatchObject({ record: { state: 'shelved_offloaded' }, claims: 0, guest: undefined });
  });

  it('COPY_FAILED when a copy is not what the image holds', async () => {
    await shelveGuest(host);
    const before = await lookAt(host);
    host.fakes.files.canLink = false;
    host.fakes.diskTool.compare = async () => false;
    expect((await unshelve(host)).error?.code).toBe('COPY_FAILED');
    expect(await lookAt(host)).toEqual(before);
  });

  it('NO_SPACE when copies do not fit', async () => {
    await shelveGuest(host);
    host.fakes.files.declare(host.at('disks'), { device: 3 });
    host.fakes.files.freeBytesOnDisk = 1000;
    expect((await unshelve(host)).error?.code).toBe('NO_SPACE');
    expect(host.guest()).toBeUndefined();
  });

  it('DISK_MISSING when the firmware variables of one that never left were lost, which its image has', async () => {
    host.fakes.files.declare(host.storage.store.rootPath, { device: 2 });
    await shelveGuest(host, { request: { isOffloaded: false } });
    rmSync(host.at('nvram', 'guest_VARS.fd'));
    const before = await lookAt(host);
    expect((await unshelve(host)).error?.code).toBe('DISK_MISSING');
    expect(await lookAt(host)).toEqual(before);
  });

  it('leaves a file alone that somebody put in the place of a disk meanwhile', async () => {
    await shelveGuest(host);
    const file = host.at('disks', 'vda.qcow2');
    host.files.before('tryLink', (_, target) => {
      if (target === file) writeFileSync(file, 'of somebody else');
    });
    expect((await unshelve(host)).status).toBe('failed');
    expect(readFileSync(file, 'utf8')).toBe('of somebody else');
  });
});

describe('a file of somebody else at the place of a disk', () => {
  const mine = (): string => host.at('disks', 'vda.qcow2');
  /** Once the disk is planned, and not there yet. */
  function putThere(): void {
    host.journal.before('enterStep', (_, __, plan) => {
      if (JSON.stringify(plan)?.includes(mine()) === true && !existsSync(mine())) writeFileSync(mine(), 'mine');
    });
  }

  it.each([true, false])(
    'that came there meanwhile is neither overwritten nor removed; there are links: %s',
    async (canLink) => {
      await shelveGuest(host);
      const before = await lookAt(host);
      host.fakes.files.declare(host.storage.store.rootPath, { device: 2 });
      Object.assign(host.storage.store, { isLocal: false, keepsFilesHere: false });
      host.core = host.process(1000);
      host.fakes.files.canLink = canLink;
      putThere();
      expect(await unshelve(host)).toMatchObject({ status: 'failed', error: { code: 'NAME_TAKEN' } });
      host.journal.reset();
      expect(await lookAt(host)).toEqual({ ...before, files: { 'disks/vda.qcow2': 'mine' } });
    },
  );

  it.each(['fetchFile', 'tryLink'])(
    'that took its place after a death at %s is not removed by the recovery',
    async (method) => {
      const copied = (on: ShelfHost) => void Object.assign(on.storage.store, { isLocal: false, keepsFilesHere: false });
      await dieWhileUnshelving(
        host,
        ({ method: called, args }) => called === method && JSON.stringify(args).includes('vda.qcow2'),
        {
          isLaunched: false,
          arrange: copied,
        },
      );
      writeFileSync(host.at('mine'), 'mine');
      renameSync(host.at('mine'), mine());
      await recoverOperations(host.process(2000), RECOVERY);
      expect(await lookAt(host)).toMatchObject({ files: { 'disks/vda.qcow2': 'mine' }, claims: 0, unsettled: 0 });
      expect(readdirSync(host.at('disks'))).toEqual(['vda.qcow2']);
    },
  );
});
