import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHypervisor } from '../../../src/drivers/libvirt/create-hypervisor.ts';
import type { CheckpointInfo, Hypervisor } from '../../../src/model/ports/hypervisor.ts';
import { makeBareGuest, type QemuGuest } from './qemu-guest.ts';

const run = promisify(execFile);

/** By neither name nor time of the alphabet: parents come first for another reason. */
const NAMES = ['monday', 'tuesday', 'friday'] as const;

let hypervisor: Hypervisor;
let guest: QemuGuest;
let made: readonly CheckpointInfo[];

beforeAll(async () => {
  hypervisor = createHypervisor({ uri: 'qemu:///system' });
  guest = await makeBareGuest();
  const graphics = "<graphics type='vnc' autoport='yes' passwd='geheim'/>";
  await hypervisor.defineDomain(guest.xml.replace('<serial ', `${graphics}<serial `));
  await hypervisor.startDomain(guest.uuid);
  for (const name of NAMES) await makeCheckpoint(name);
  made = await hypervisor.listCheckpoints(guest.uuid);
});

afterAll(async () => {
  await hypervisor[Symbol.asyncDispose]();
  await guest[Symbol.asyncDispose]();
});

describe('checkpoints on qemu:///system', () => {
  test('are listed parents before children, with what a redefinition needs and with secrets', () => {
    expect(made.map(({ name, parent }) => ({ name, parent }))).toEqual([
      { name: 'monday', parent: null },
      { name: 'tuesday', parent: 'monday' },
      { name: 'friday', parent: 'tuesday' },
    ]);
    for (const { name, xml } of made) {
      expect(xml).toContain(`<name>${name}</name>`);
      expect(xml).toMatch(/<creationTime>\d+</);
      expect(xml).toContain("passwd='geheim'");
    }
  });

  test('are forgotten by undefine, while the bitmaps stay and stand in the way', async () => {
    await forgetDomain();
    await hypervisor.startDomain(guest.uuid);

    expect(await hypervisor.listCheckpoints(guest.uuid)).toEqual([]);
    await expect(makeCheckpoint('monday')).rejects.toThrow('Bitmap already exists: monday');
    await hypervisor.destroyDomain(guest.uuid);
  });

  test('are as before once they are taken up again while the domain is off', async () => {
    await forgetDomain();
    for (const { xml } of made) await hypervisor.redefineCheckpoint(guest.uuid, xml);

    expect(await hypervisor.listCheckpoints(guest.uuid)).toEqual(made);
  });

  test('can be taken up a second time', async () => {
    for (const { xml } of made) await hypervisor.redefineCheckpoint(guest.uuid, xml);

    expect(await hypervisor.listCheckpoints(guest.uuid)).toEqual(made);
  });

  test('that were taken up again serve an increment and the next checkpoint', async () => {
    await hypervisor.startDomain(guest.uuid);
    await backUpSince('tuesday');
    await makeCheckpoint('sunday');

    expect((await hypervisor.listCheckpoints(guest.uuid)).at(-1)).toMatchObject({ name: 'sunday', parent: 'friday' });
    await hypervisor.destroyDomain(guest.uuid);
  });

  test('are refused when their parent is not known', async () => {
    await forgetDomain();

    await expect(hypervisor.redefineCheckpoint(guest.uuid, made[1]?.xml ?? '')).rejects.toMatchObject({
      code: 'LIBVIRT_FAILED',
      fields: { instance: guest.uuid },
    });
  });

  test('are refused for another domain', async () => {
    await using other = await makeBareGuest();
    await hypervisor.defineDomain(other.xml);

    await expect(hypervisor.redefineCheckpoint(other.uuid, made[0]?.xml ?? '')).rejects.toMatchObject({
      code: 'LIBVIRT_FAILED',
    });
    expect(await hypervisor.listCheckpoints(other.uuid)).toEqual([]);
  });
});

async function makeCheckpoint(name: string): Promise<void> {
  await run('virsh', ['checkpoint-create-as', guest.name, name, '--diskspec', 'vda,checkpoint=bitmap']);
}

async function forgetDomain(): Promise<void> {
  const xml = await hypervisor.getDomainXml(guest.uuid, { isInactive: true, isSecure: true });
  await hypervisor.undefineDomain(guest.uuid, { nvram: 'keep', tpm: 'keep' });
  await hypervisor.destroyDomain(guest.uuid).catch(() => {});
  await hypervisor.defineDomain(xml);
}

/** Fails when QEMU or libvirt cannot use the bitmaps since then. */
async function backUpSince(checkpoint: string): Promise<void> {
  const request = `${guest.folder}/backup.xml`;
  await writeFile(
    request,
    `<domainbackup mode='push'><incremental>${checkpoint}</incremental><disks><disk name='vda' type='file'>
      <driver type='qcow2'/><target file='${guest.folder}/increment.qcow2'/></disk></disks></domainbackup>`,
  );
  await run('virsh', ['backup-begin', guest.name, request]);
  const isDone = async (): Promise<boolean> => (await run('virsh', ['domjobinfo', guest.name])).stdout.includes('None');
  await expect.poll(isDone, { timeout: 20_000 }).toBe(true);
  const { stdout } = await run('virsh', ['domjobinfo', guest.name, '--completed']);
  expect(stdout).toMatch(/Job type:\s+Completed/);
}
