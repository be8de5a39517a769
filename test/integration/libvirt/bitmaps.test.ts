import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHypervisor } from '../../../src/drivers/libvirt/create-hypervisor.ts';
import { buildCheckpointXml } from '../../../src/model/domain-xml/checkpoint-xml.ts';
import type { CheckpointInfo, Hypervisor } from '../../../src/model/ports/hypervisor.ts';
import { type BackupGuest, DISKS, makeBackupGuest, readBitmaps, settleBackup, type Target } from './backup-guest.ts';

const MIB = 1024 ** 2;

let hypervisor: Hypervisor;
let guest: BackupGuest;

beforeEach(async () => {
  hypervisor = createHypervisor({ uri: 'qemu:///system' });
  guest = await makeBackupGuest();
  await hypervisor.defineDomain(guest.xml);
  await guest.start();
  await beginCheckpoint('one', ['vda', 'vdb']);
  await guest.writeUnseen('vda', 'write -P 1 0 1M');
  await beginCheckpoint('two', ['vdb']);
});

afterEach(async () => {
  await hypervisor[Symbol.asyncDispose]();
  await guest[Symbol.asyncDispose]();
});

describe('bitmaps of checkpoints on qemu:///system', () => {
  test('are told by disk, with the time they began', async () => {
    const checkpoints = await hypervisor.listCheckpoints(guest.uuid);

    expect(checkpoints.map(({ name, targets }) => ({ name, targets }))).toEqual([
      { name: 'one', targets: ['vda', 'vdb'] },
      { name: 'two', targets: ['vdb'] },
    ]);
    for (const { creationTime } of checkpoints) expect(Math.abs(Date.now() / 1000 - creationTime)).toBeLessThan(60);
  });

  test('tell how much changed since, up to now', async () => {
    await guest.writeUnseen('vdb', 'write -P 1 8M 64k');

    expect(await sizesSince('one')).toEqual({ vda: MIB, vdb: 65_536 });
    expect(await sizesSince('two')).toEqual({ vdb: 65_536 });
  });

  test('outlive a clean end of QEMU', async () => {
    await restart();

    expect(await sizesSince('one')).toEqual({ vda: MIB, vdb: 0 });
  });

  test('go with their checkpoint, and its children follow its parent', async () => {
    await hypervisor.deleteCheckpoint(guest.uuid, 'one', { isMetadataOnly: false });

    expect(await describeCheckpoints()).toEqual([{ name: 'two', parent: null, targets: ['vdb'] }]);
    await hypervisor.destroyDomain(guest.uuid);
    expect(await readBitmaps(guest.disk('vda'))).toEqual([]);
    expect(await readBitmaps(guest.disk('vdb'))).toEqual(['two']);
  });

  test('stay where only the checkpoint is deleted, and serve it again once it is redefined', async () => {
    const [one] = await hypervisor.listCheckpoints(guest.uuid);
    for (const name of ['two', 'one']) await hypervisor.deleteCheckpoint(guest.uuid, name, { isMetadataOnly: true });
    expect(await describeCheckpoints()).toEqual([]);

    await hypervisor.redefineCheckpoint(guest.uuid, one?.xml ?? '', { isValidated: true });

    expect(await sizesSince('one')).toEqual({ vda: MIB, vdb: 0 });
  });

  test('stay in a domain that is off, whatever is asked', async () => {
    await hypervisor.destroyDomain(guest.uuid);
    await hypervisor.deleteCheckpoint(guest.uuid, 'one', { isMetadataOnly: false });

    expect(await describeCheckpoints()).toEqual([{ name: 'two', parent: null, targets: ['vdb'] }]);
    expect(await readBitmaps(guest.disk('vda'))).toEqual(['one']);
  });

  test('of a checkpoint that is not there are deleted without an error', async () => {
    await hypervisor.deleteCheckpoint(guest.uuid, 'nobody knows', { isMetadataOnly: false });

    expect(await describeCheckpoints()).toHaveLength(2);
  });
});

describe('a redefinition without a domain', () => {
  test('of a checkpoint of fewer disks takes the others out, in a domain that is off', async () => {
    const [one] = await hypervisor.listCheckpoints(guest.uuid);
    await hypervisor.destroyDomain(guest.uuid);
    await hypervisor.redefineCheckpoint(guest.uuid, rebuild(one, { targets: ['vdb'] }));

    expect(await describeCheckpoints()).toEqual([
      { name: 'one', parent: null, targets: ['vdb'] },
      { name: 'two', parent: 'one', targets: ['vdb'] },
    ]);
    await guest.start();
    expect(await sizesSince('one')).toEqual({ vdb: 0 });
  });

  test('is validated where the domain runs', async () => {
    const [one] = await hypervisor.listCheckpoints(guest.uuid);

    await hypervisor.redefineCheckpoint(guest.uuid, rebuild(one, {}), { isValidated: true });
    await expect(
      hypervisor.redefineCheckpoint(guest.uuid, rebuild(one, { name: 'ghost' }), { isValidated: true }),
    ).rejects.toMatchObject({ code: 'CHECKPOINT_INCONSISTENT' });
    expect(await describeCheckpoints()).toHaveLength(2);
  });

  test('cannot be validated where it is off', async () => {
    const [one] = await hypervisor.listCheckpoints(guest.uuid);
    await hypervisor.destroyDomain(guest.uuid);

    await expect(
      hypervisor.redefineCheckpoint(guest.uuid, rebuild(one, {}), { isValidated: true }),
    ).rejects.toMatchObject({ code: 'LIBVIRT_FAILED' });
  });
});

describe.each([
  ['never reached the disk', async () => {}],
  ['were on the disk already', restart],
])('after QEMU was killed, bitmaps that %s', (_title, prepare) => {
  beforeEach(async () => {
    await prepare();
    await guest.killQemu();
    await guest.start();
  });

  test('are broken in all that needs them', async () => {
    const [one] = await hypervisor.listCheckpoints(guest.uuid);
    const inconsistent = { code: 'CHECKPOINT_INCONSISTENT', fields: { instance: guest.uuid } };
    const path = await guest.makeTarget('vda');
    const disks = [{ target: 'vda', path, incremental: 'one' }];

    await expect(hypervisor.readCheckpointSizes(guest.uuid, 'one')).rejects.toMatchObject(inconsistent);
    await expect(hypervisor.beginBackup(guest.uuid, { disks, checkpoint: null })).rejects.toMatchObject(inconsistent);
    await expect(
      hypervisor.redefineCheckpoint(guest.uuid, one?.xml ?? '', { isValidated: true }),
    ).rejects.toMatchObject(inconsistent);
    expect(await hypervisor.getBackup(guest.uuid)).toBeNull();
  });

  test('can be forgotten, and the next ones are sound', async () => {
    for (const name of ['two', 'one']) await hypervisor.deleteCheckpoint(guest.uuid, name, { isMetadataOnly: true });
    await beginCheckpoint('three', ['vda']);
    await guest.writeUnseen('vda', 'write -P 1 8M 1M');

    expect(await describeCheckpoints()).toEqual([{ name: 'three', parent: null, targets: ['vda'] }]);
    expect(await sizesSince('three')).toEqual({ vda: MIB });
  });
});

test('a checkpoint whose bitmaps never reached the disk cannot be deleted with them', async () => {
  await guest.killQemu();
  await guest.start();

  await expect(hypervisor.deleteCheckpoint(guest.uuid, 'two', { isMetadataOnly: false })).rejects.toMatchObject({
    code: 'CHECKPOINT_INCONSISTENT',
  });
});

test('a checkpoint whose bitmaps were on the disk already is deleted with them, broken as they are', async () => {
  await restart();
  await guest.killQemu();
  await guest.start();
  for (const name of ['two', 'one']) await hypervisor.deleteCheckpoint(guest.uuid, name, { isMetadataOnly: false });
  await hypervisor.destroyDomain(guest.uuid);

  expect(await readBitmaps(guest.disk('vdb'))).toEqual([]);
});

async function beginCheckpoint(name: string, targets: readonly Target[]): Promise<void> {
  const disks = [{ target: 'vdc', path: await guest.makeTarget('vdc'), incremental: null }];
  await hypervisor.beginBackup(guest.uuid, { disks, checkpoint: { name, targets } });
  expect(await settleBackup(hypervisor, guest.uuid)).toBe('completed');
}

async function restart(): Promise<void> {
  await hypervisor.destroyDomain(guest.uuid);
  await guest.start();
}

async function sizesSince(name: string): Promise<Record<string, number>> {
  return Object.fromEntries(await hypervisor.readCheckpointSizes(guest.uuid, name));
}

async function describeCheckpoints(): Promise<unknown> {
  const checkpoints = await hypervisor.listCheckpoints(guest.uuid);
  return checkpoints.map(({ name, parent, targets }) => ({ name, parent, targets }));
}

function rebuild(checkpoint: CheckpointInfo | undefined, change: Partial<CheckpointInfo>): string {
  if (checkpoint === undefined) throw new Error('There is no checkpoint');
  return buildCheckpointXml({ ...checkpoint, ...change, allTargets: DISKS.map(({ target }) => target) });
}
