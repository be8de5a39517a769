import { chmod, copyFile, open, readFile, stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createHypervisor } from '../../../src/drivers/libvirt/create-hypervisor.ts';
import type { Hypervisor } from '../../../src/model/ports/hypervisor.ts';
import { makeCountingGuest, type QemuGuest } from './qemu-guest.ts';

/** The guest writes its counter to the second sector, and goes on from what it finds there when it boots. */
const COUNTER_OFFSET = 512;
const MUCH = 40;

let hypervisor: Hypervisor;
let guest: QemuGuest;
/** Kept elsewhere, as a shelved instance's is. */
let memory: string;
/** XML of the machine in it, with its disk elsewhere. */
let xml: string;
let otherDisk: string;

const powerState = async (): Promise<string> => (await hypervisor.getDomain(guest.uuid)).powerState;

beforeAll(async () => {
  hypervisor = createHypervisor({ uri: 'qemu:///system' });
  guest = await makeCountingGuest();
  memory = `${guest.folder}/memory.save`;
  otherDisk = `${guest.folder}/elsewhere.raw`;
  await hypervisor.defineDomain(guest.xml);
  await hypervisor.startDomain(guest.uuid);
  await vi.waitUntil(async () => (await readCounter(guest.disk)) > MUCH, { timeout: 60_000 });
  await hypervisor.managedSaveDomain(guest.uuid);
  await copyFile(savePath(), memory);
  xml = (await hypervisor.getManagedSaveXml(guest.uuid)).replace(guest.disk, otherDisk);
  await hypervisor.undefineDomain(guest.uuid, { nvram: 'keep', tpm: 'keep' });
});

beforeEach(async () => {
  // a disk that was never counted on: only the memory knows how far it was
  await copyFile(guest.disk, otherDisk);
  await chmod(otherDisk, 0o666);
  const file = await open(otherDisk, 'r+');
  await file.write(Buffer.alloc(4), 0, 4, COUNTER_OFFSET);
  await file.close();
  await hypervisor.defineDomain(guest.xml.replace(guest.disk, otherDisk));
});

afterAll(async () => {
  await hypervisor[Symbol.asyncDispose]();
  await guest[Symbol.asyncDispose]();
});

describe('saved memory on qemu:///system', () => {
  test('undefining a domain removes the file that managedSavePath names', async () => {
    await expect(stat(savePath())).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a domain goes on from a copy of its saved memory, on a disk that lies elsewhere', async () => {
    await hypervisor.restoreDomain(memory, { xml, isPaused: false });

    expect(await powerState()).toBe('running');
    await expect.poll(() => readCounter(otherDisk), { timeout: 30_000 }).toBeGreaterThan(MUCH);
    expect(await hypervisor.getDomain(guest.uuid)).toMatchObject({ isPersistent: true, hasManagedSave: false });
    await expect(stat(memory)).resolves.toMatchObject({ size: expect.any(Number) });
    await hypervisor.destroyDomain(guest.uuid);
  });

  test('a domain that was saved while it ran can come back paused, and be saved again', async () => {
    await hypervisor.restoreDomain(memory, { xml, isPaused: true });

    expect(await powerState()).toBe('paused');
    expect(await readCounter(otherDisk)).toBe(0);
    await hypervisor.managedSaveDomain(guest.uuid);
    expect(await powerState()).toBe('suspended');
    await expect(stat(savePath())).resolves.toMatchObject({ size: expect.any(Number) });
    await hypervisor.undefineDomain(guest.uuid, { nvram: 'keep', tpm: 'keep' });
  });

  test.each([
    ['memory of another machine', async () => memory, () => xml.replaceAll(/KiB'>65536</g, "KiB'>131072<")],
    ['a file that is not saved memory', async () => writeNonsense(), () => xml],
    ['a file that is not there', async () => `${guest.folder}/missing`, () => xml],
    ['saved memory that was cut off', async () => cutOff(memory), () => xml],
  ])('%s is refused, and the domain is off', async (_title, makeFile, makeXml) => {
    const restored = hypervisor.restoreDomain(await makeFile(), { xml: makeXml(), isPaused: false });

    await expect(restored).rejects.toMatchObject({ code: 'LIBVIRT_FAILED' });
    expect(await powerState()).toBe('shutdown');
  });
});

function savePath(): string {
  return hypervisor.managedSavePath(guest.name) ?? '';
}

async function readCounter(disk: string): Promise<number> {
  return (await readFile(disk)).readUInt32LE(COUNTER_OFFSET);
}

async function writeNonsense(): Promise<string> {
  const file = `${guest.folder}/nonsense`;
  await writeFile(file, 'nothing that libvirt would know');
  return file;
}

async function cutOff(file: string): Promise<string> {
  const content = await readFile(file);
  await writeFile(`${file}.cut`, content.subarray(0, content.length / 2));
  return `${file}.cut`;
}
