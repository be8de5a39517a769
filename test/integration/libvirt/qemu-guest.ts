import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface QemuGuest extends AsyncDisposable {
  readonly uuid: string;
  readonly name: string;
  /** Where its files are, readable by the QEMU user. */
  readonly folder: string;
  readonly disk: string;
  readonly xml: string;
}

/** Files and XML of a machine without an operating system, for tests of what libvirt does with any domain. Not defined. */
export async function makeBareGuest(): Promise<QemuGuest> {
  return makeGuest('bare', { memoryMiB: 64 }, (disk) => run('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '64M']));
}

/** The tiny Linux guest with its agent and a network card. Not defined. */
export async function makeTinyGuest(): Promise<QemuGuest> {
  const { stdout } = await run(path.join(root, 'test/guests/build-tiny-guest'));
  return makeGuest('tiny', { memoryMiB: 192 }, (disk) => copyFile(stdout.trim(), disk));
}

/** The boot sector that counts in memory and writes its counter, 4 bytes, to the second sector of its disk. Not defined. */
export async function makeCountingGuest(): Promise<QemuGuest> {
  const build = path.join(root, 'test/guests/build-bootsector-guest');
  return makeGuest('counting', { memoryMiB: 64, format: 'raw' }, (disk) => run(build, [disk]));
}

/** Runs a command line in the guest through its agent; does not wait for it. */
export async function runInGuest(guest: QemuGuest, commandLine: string): Promise<void> {
  const request = { execute: 'guest-exec', arguments: { path: '/bin/sh', arg: ['-c', commandLine] } };
  await run('virsh', ['qemu-agent-command', guest.name, JSON.stringify(request)]);
}

async function makeGuest(
  kind: string,
  { memoryMiB, format = 'qcow2' }: { memoryMiB: number; format?: 'qcow2' | 'raw' },
  writeDisk: (disk: string) => Promise<unknown>,
): Promise<QemuGuest> {
  const folder = await mkdtemp('/var/tmp/dr-lv-');
  await chmod(folder, 0o755);
  const disk = path.join(folder, `disk.${format}`);
  await writeDisk(disk);
  await chmod(disk, 0o666);
  const uuid = randomUUID();
  const name = `dr-lv-${kind}-${uuid.slice(0, 8)}`;
  return {
    uuid,
    name,
    folder,
    disk,
    xml: domainXml({ name, uuid, memoryMiB, disk, format }),
    async [Symbol.asyncDispose]() {
      await run('virsh', ['destroy', name]).catch(() => {});
      await run('virsh', ['undefine', name, '--managed-save', '--checkpoints-metadata']).catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function domainXml(of: { name: string; uuid: string; memoryMiB: number; disk: string; format: string }): string {
  return `<domain type='qemu'>
  <name>${of.name}</name>
  <uuid>${of.uuid}</uuid>
  <memory unit='MiB'>${of.memoryMiB}</memory>
  <vcpu>1</vcpu>
  <cpu mode='maximum'/>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='${of.format}'/>
      <source file='${of.disk}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <interface type='user'><mac address='52:54:00:6c:76:01'/><model type='virtio'/></interface>
    <serial type='null'/>
    <memballoon model='none'/>
  </devices>
</domain>`;
}
