import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { BackupOutcome, Hypervisor } from '../../../src/model/ports/hypervisor.ts';

const run = promisify(execFile);

/** Its disks: one so large that a backup of it lasts, two that are backed up in no time. */
export const DISKS = [
  { target: 'vda', format: 'qcow2', size: '4G' },
  { target: 'vdb', format: 'qcow2', size: '256M' },
  { target: 'vdc', format: 'raw', size: '64M' },
] as const;

export type Target = (typeof DISKS)[number]['target'];

/** A machine without an operating system that is paused; what a guest would write is written for it by QEMU. */
export interface BackupGuest extends AsyncDisposable {
  readonly uuid: string;
  readonly name: string;
  readonly xml: string;
  disk(target: Target): string;
  /** The same writes in a plain file, which no backup has ever touched. */
  reference(target: Target): string;
  write(target: Target, command: string): Promise<void>;
  /** Of which the reference learns nothing. */
  writeUnseen(target: Target, command: string): Promise<void>;
  /** An empty qcow2 of the disk's size; in a folder of 1 MiB where it is to be full soon. */
  makeTarget(target: Target, options?: { readonly isSmall?: boolean }): Promise<string>;
  start(): Promise<void>;
  /** Slows the backup of vda that this begins from its first moment, so that it goes on for as long as a test needs: until it is sped up. */
  beginSlowly(begin: () => Promise<void>): Promise<{ speedUp(): Promise<void> }>;
  killQemu(): Promise<void>;
}

export async function makeBackupGuest(): Promise<BackupGuest> {
  const folder = await mkdtemp('/var/tmp/dr-lv-backup-');
  await chmod(folder, 0o755);
  const uuid = randomUUID();
  const name = path.basename(folder);
  const at = (file: string): string => path.join(folder, file);
  const small = at('small');
  // before QEMU starts: it does not see file systems that are mounted later
  await mkdir(small);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1M,mode=777', 'none', small]);
  for (const { target, format, size } of DISKS) {
    await makeFile(at(`${target}.${format}`), format, size);
    await makeFile(at(`${target}.reference`), 'raw', size);
  }
  const guest: BackupGuest = {
    uuid,
    name,
    xml: domainXml(
      name,
      uuid,
      DISKS.map(({ target, format }) => diskXml(target, format, at(`${target}.${format}`))),
    ),
    disk: (target) => at(`${target}.${formatOf(target)}`),
    reference: (target) => at(`${target}.reference`),
    writeUnseen: (target, command) =>
      writeInQemu(
        name,
        DISKS.findIndex((disk) => disk.target === target),
        command,
      ),
    write: async (target, command) => {
      await guest.writeUnseen(target, command);
      await run('qemu-io', ['-f', 'raw', '-c', command, guest.reference(target)]);
    },
    makeTarget: async (target, { isSmall = false } = {}) => {
      const file = path.join(isSmall ? small : folder, `${randomUUID()}.qcow2`);
      await makeFile(file, 'qcow2', DISKS.find((disk) => disk.target === target)?.size ?? '');
      return file;
    },
    start: async () => {
      await run('virsh', ['start', '--paused', name]);
    },
    beginSlowly: (begin) => beginSlowly(name, begin),
    killQemu: () => killQemu(name),
    async [Symbol.asyncDispose]() {
      await run('virsh', ['destroy', name]).catch(() => {});
      await run('virsh', ['undefine', name, '--managed-save', '--checkpoints-metadata']).catch(() => {});
      await run('umount', [small]);
      await rm(folder, { recursive: true, force: true });
    },
  };
  return guest;
}

/** Waits until no backup runs; what became of it. */
export async function settleBackup(hypervisor: Hypervisor, uuid: string): Promise<BackupOutcome> {
  while ((await hypervisor.getBackup(uuid)) !== null) await sleep(20);
  return await hypervisor.takeBackupOutcome(uuid);
}

/** Names of the bitmaps in a qcow2, with those that cannot be used. */
export async function readBitmaps(file: string): Promise<readonly string[]> {
  const { stdout } = await run('qemu-img', ['info', '-U', '--output=json', file]);
  const info: { 'format-specific'?: { data?: { bitmaps?: readonly { name: string }[] } } } = JSON.parse(stdout);
  return (info['format-specific']?.data?.bitmaps ?? []).map((bitmap) => bitmap.name);
}

async function makeFile(file: string, format: string, size: string): Promise<void> {
  await run('qemu-img', ['create', '-q', '-f', format, file, size]);
  await chmod(file, 0o666);
}

/** The monitor prints what qemu-io says, and says yes whatever it was. */
async function writeInQemu(name: string, index: number, command: string): Promise<void> {
  const device = `/machine/peripheral/virtio-disk${index}/virtio-backend`;
  const hmp = `qemu-io -d ${device} "${command}"`;
  const { stdout } = await run('virsh', ['qemu-monitor-command', name, '--hmp', hmp]);
  if (/error|fail|invalid|not found/i.test(stdout)) throw new Error(`${hmp}: ${stdout}`);
}

/** One virsh asks until it is told yes, since the start of each takes as long as a copy. */
async function beginSlowly(name: string, begin: () => Promise<void>): Promise<{ speedUp(): Promise<void> }> {
  const device = await nameLargeJob(name);
  const command = JSON.stringify(setJobSpeed(device, 1024 ** 2));
  const virsh = spawn('virsh', ['-q'], { stdio: ['pipe', 'pipe', 'ignore'] });
  let answers = '';
  virsh.stdout.setEncoding('utf8').on('data', (text: string) => {
    answers += text;
  });
  const askUntil = async (word: string): Promise<void> => {
    const endMs = performance.now() + 20_000;
    while (!answers.includes(word)) {
      if (performance.now() > endMs) throw new Error(`No backup was seen to run: ${answers.slice(-500)}`);
      virsh.stdin.write(`qemu-monitor-command ${name} '${command}'\n`);
      await sleep(2);
    }
  };
  try {
    await askUntil('DeviceNotActive');
    await Promise.all([begin(), askUntil('"return"')]);
    return {
      speedUp: async () => {
        await queryQemu(name, setJobSpeed(device, 0));
      },
    };
  } finally {
    virsh.kill();
  }
}

/** libvirt names a job after the disk and the node that it reads. */
async function nameLargeJob(name: string): Promise<string> {
  const blocks: readonly { qdev?: string; inserted?: { 'node-name': string } }[] = await queryQemu(name, {
    execute: 'query-block',
  });
  const node = blocks.find(({ qdev }) => qdev?.includes('virtio-disk0'))?.inserted?.['node-name'];
  return `backup-vda-${node}`;
}

/** Bytes in a second, 0: no limit. */
function setJobSpeed(device: string, speed: number): object {
  return { execute: 'block-job-set-speed', arguments: { device, speed } };
}

async function queryQemu<T>(name: string, command: object): Promise<T> {
  const { stdout } = await run('virsh', ['qemu-monitor-command', name, JSON.stringify(command)]);
  const answer: { return?: T; error?: unknown } = JSON.parse(stdout);
  if (answer.return === undefined) throw new Error(stdout);
  return answer.return;
}

/** As the kernel does when it is short of memory: nothing is closed. */
async function killQemu(name: string): Promise<void> {
  process.kill(Number(await readFile(`/run/libvirt/qemu/${name}.pid`, 'utf8')), 'SIGKILL');
  while ((await run('virsh', ['domstate', name])).stdout.trim() !== 'shut off') await sleep(20);
}

function formatOf(target: Target): string {
  return DISKS.find((disk) => disk.target === target)?.format ?? 'raw';
}

function diskXml(target: string, format: string, file: string): string {
  return `<disk type='file' device='disk'><driver name='qemu' type='${format}'/><source file='${file}'/>
      <target dev='${target}' bus='virtio'/></disk>`;
}

function domainXml(name: string, uuid: string, disks: readonly string[]): string {
  return `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid><memory unit='MiB'>64</memory><vcpu>1</vcpu>
    <os><type arch='x86_64' machine='q35'>hvm</type></os>
    <devices>${disks.join('')}<serial type='null'/><memballoon model='none'/></devices></domain>`;
}
