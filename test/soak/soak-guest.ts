import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { writeBootsectorImage } from '../e2e/support/guest-image.ts';
import { guestXml } from '../e2e/support/guest-xml.ts';
import { runCommand } from '../e2e/support/run-command.ts';
import { type DomainRef, defineDomain, onDomain } from '../e2e/support/virsh.ts';

const SECTOR_BYTES = 512;
const DATA_BYTES = 3 * 1024 * 1024;
const DISK_BYTES = 4 * 1024 * 1024;
const DATA_START_BYTES = 64 * 1024;

/** A boot sector that counts on a disk of 4 MiB, most of it noise, so that a copy takes its time. */
export interface SoakGuest extends DomainRef {
  readonly uuid: string;
  readonly folder: string;
  readonly disk: SoakDisk;
  /** Its disk's chain as it has to be, from the top to the base. */
  readonly chain: readonly string[];
}

export interface SoakDisk {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
}

interface GuestPlace {
  readonly uri: string;
  readonly name: string;
  readonly folder: string;
}

const KINDS = ['raw', 'qcow2', 'backed'] as const;

/** The first is on raw, the next on qcow2, the third on qcow2 with a backing file, and so on. Not started. */
export async function defineSoakGuest({ uri, name, folder }: GuestPlace, index: number): Promise<SoakGuest> {
  await mkdir(folder);
  await chmod(folder, 0o711);
  const { disk, chain } = await makeDisk(folder, KINDS[index % KINDS.length] ?? 'raw');
  await defineDomain(
    uri,
    guestXml({
      ...{ name, folder, disks: [{ target: 'vda', ...disk }] },
      ...{ virtType: 'kvm', memoryMiB: 64, vcpus: 1, firmware: 'bios', extraDevices: '' },
      ...{ hasAgent: false, hasTpm: false, network: null, cdrom: null },
    }),
  );
  const uuid = (await onDomain({ uri, name }, 'domuuid')).trim();
  return { uri, name, uuid, folder, disk, chain };
}

async function makeDisk(
  folder: string,
  kind: (typeof KINDS)[number],
): Promise<{ readonly disk: SoakDisk; readonly chain: readonly string[] }> {
  const raw = path.join(folder, 'vda.raw');
  await writeNoisyDisk(raw);
  if (kind === 'raw') return { disk: { path: raw, format: 'raw' }, chain: [raw] };
  const file = path.join(folder, 'vda.qcow2');
  if (kind === 'qcow2') {
    await runCommand('qemu-img', ['convert', '-q', '-f', 'raw', '-O', 'qcow2', raw, file]);
    await runCommand('rm', [raw]);
    return { disk: { path: file, format: 'qcow2' }, chain: [file] };
  }
  await runCommand('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', raw, '-F', 'raw', file]);
  // allocated before it starts: where a cluster lies, QEMU may keep to itself for long
  await runCommand('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0 512 512', file]);
  return { disk: { path: file, format: 'qcow2' }, chain: [file, raw] };
}

async function writeNoisyDisk(file: string): Promise<void> {
  await writeBootsectorImage(file, { isCalm: true });
  await using disk = await open(file, 'r+');
  await disk.truncate(DISK_BYTES);
  await disk.write(randomBytes(DATA_BYTES), 0, DATA_BYTES, DATA_START_BYTES);
}

/** The counter as it stands on the disk; the guest may be writing it. */
export async function readCounter(disk: SoakDisk): Promise<number> {
  return (await readSector(disk, 1)).readUInt32LE(0);
}

/** The boot sector alone, or the one with the counter. */
export async function readSector({ path: file, format }: SoakDisk, number: 0 | 1): Promise<Buffer> {
  const read = `read -v ${number * SECTOR_BYTES} ${SECTOR_BYTES}`;
  // shared: whoever else has it open does not matter
  const printed = await runCommand('qemu-io', ['-r', '-U', '-f', format, '-c', read, file]);
  const rows = [...printed.matchAll(/^[0-9a-f]{8}: {2}((?:[0-9a-f]{2} )+)/gm)].map(([, bytes = '']) => bytes);
  const sector = Buffer.from(rows.join('').replaceAll(' ', ''), 'hex');
  if (sector.length === SECTOR_BYTES) return sector;
  throw new Error(`sector ${number} of ${file} is ${sector.length} bytes long: ${printed.slice(0, 200)}`);
}
