import { readGuestFile, runInGuest, waitForAgent, writeGuestFile } from './guest-agent.ts';
import { createGuestDisk, type GuestDisk, type GuestDiskOptions } from './guest-disks.ts';
import { type Firmware, tinyGuestImage, writeBootsectorImage } from './guest-image.ts';
import { guestXml } from './guest-xml.ts';
import { createTestFolder, uniqueName } from './test-folder.ts';
import { type DomainRef, defineDomain, onDomain, removeDomain, SYSTEM_URI, startDomain } from './virsh.ts';

export interface TinyGuestOptions {
  readonly name?: string;
  readonly uri?: string;
  /** The first one is the root. Empty further ones become ext4 at the first boot, mounted at /mnt/<target>. */
  readonly disks?: readonly [GuestDiskOptions, ...GuestDiskOptions[]];
  readonly firmware?: Firmware;
  readonly tpm?: boolean;
  readonly hasAgent?: boolean;
  readonly virtType?: 'qemu' | 'kvm';
  readonly memoryMiB?: number;
  readonly vcpus?: number;
  readonly network?: string;
  readonly cdrom?: string;
  readonly extraDevices?: string;
  /** A disk image (qcow2) other than the tiny one for the root. */
  readonly image?: string;
}

/** A defined domain on disks of its own. Disposing of it removes the domain, its firmware files and its folder. */
export interface Guest extends AsyncDisposable, DomainRef {
  readonly uuid: string;
  readonly folder: string;
  readonly disks: readonly GuestDisk[];
  readonly serialLog: string;
  /** Starts it and waits until the agent answers. */
  boot(timeoutMs?: number): Promise<void>;
  /** Output of a shell command line inside. */
  run(commandLine: string): Promise<string>;
  writeFile(path: string, content: string): Promise<void>;
  readFile(path: string): Promise<string>;
}

/** Defines a tiny Linux guest (test/guests/build-tiny-guest); `boot` starts it. */
export async function defineTinyGuest(options: TinyGuestOptions = {}): Promise<Guest> {
  const image = options.image ?? (await tinyGuestImage(options.firmware ?? 'bios'));
  return defineGuest(options, (folder, disk, index) => createGuestDisk(folder, disk, index === 0 ? image : null));
}

/** As defineTinyGuest, and boots it. */
export async function bootTinyGuest(options: TinyGuestOptions = {}): Promise<Guest> {
  const guest = await defineTinyGuest(options);
  try {
    await guest.boot();
    return guest;
  } catch (error) {
    await guest[Symbol.asyncDispose]();
    throw error;
  }
}

/** The boot sector that counts (test/guests/build-bootsector-guest) on one raw disk, under KVM; not started. */
export async function defineBootsectorGuest(options: Pick<TinyGuestOptions, 'name' | 'virtType'> = {}): Promise<Guest> {
  const all = { virtType: 'kvm', memoryMiB: 64, hasAgent: false, ...options } as const;
  return defineGuest({ ...all, disks: [{ target: 'vda', format: 'raw' }] }, async (folder, disk) => {
    const path = `${folder}/vda.raw`;
    await writeBootsectorImage(path);
    return { target: disk.target, format: 'raw', path };
  });
}

type DiskMaker = (folder: string, disk: GuestDiskOptions, index: number) => Promise<GuestDisk>;

async function defineGuest(options: TinyGuestOptions, makeDisk: DiskMaker): Promise<Guest> {
  const domain = { uri: options.uri ?? SYSTEM_URI, name: options.name ?? uniqueName() };
  const folder = await createTestFolder(domain.name);
  const dispose = async (): Promise<void> => {
    await removeDomain(domain);
    await folder[Symbol.asyncDispose]();
  };
  try {
    const disks: GuestDisk[] = [];
    for (const [index, disk] of (options.disks ?? [{ target: 'vda', format: 'qcow2' }]).entries()) {
      disks.push(await makeDisk(folder.path, disk, index));
    }
    await defineDomain(domain.uri, guestXml(xmlOptions(options, { name: domain.name, folder: folder.path, disks })));
    const uuid = (await onDomain(domain, 'domuuid')).trim();
    return {
      ...domain,
      uuid,
      folder: folder.path,
      disks,
      serialLog: `${folder.path}/serial.log`,
      boot: async (timeoutMs) => {
        await startDomain(domain);
        await waitForAgent(domain, timeoutMs);
      },
      run: (commandLine) => runInGuest(domain, commandLine),
      writeFile: (path, content) => writeGuestFile(domain, path, content),
      readFile: (path) => readGuestFile(domain, path),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function xmlOptions(
  options: TinyGuestOptions,
  made: { readonly name: string; readonly folder: string; readonly disks: readonly GuestDisk[] },
): Parameters<typeof guestXml>[0] {
  return {
    ...made,
    firmware: options.firmware ?? 'bios',
    hasTpm: options.tpm ?? false,
    hasAgent: options.hasAgent ?? true,
    virtType: options.virtType ?? 'qemu',
    memoryMiB: options.memoryMiB ?? 256,
    vcpus: options.vcpus ?? 1,
    network: options.network ?? null,
    cdrom: options.cdrom ?? null,
    extraDevices: options.extraDevices ?? '',
  };
}
