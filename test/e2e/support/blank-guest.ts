import path from 'node:path';
import { runCommand } from './run-command.ts';
import { createTestFolder, uniqueName } from './test-folder.ts';
import { type DomainRef, defineDomain, domainState, killQemu, onDomain, removeDomain, SYSTEM_URI } from './virsh.ts';

export interface BlankDisk {
  readonly target: string;
  readonly format: 'qcow2' | 'raw';
  readonly path: string;
}

/** A machine that never runs an instruction: its disks are written to from outside, through its QEMU while that is there. */
export interface BlankGuest extends AsyncDisposable, DomainRef {
  readonly uuid: string;
  readonly folder: string;
  readonly disks: readonly BlankDisk[];
  /** Paused, as libvirt starts it. */
  start(): Promise<void>;
  /** QEMU ends in order, and writes down its bitmaps. */
  stop(): Promise<void>;
  /** QEMU is killed. */
  kill(): Promise<void>;
  /** Fills a range of a disk with one byte. */
  write(
    target: string,
    range: { readonly offset: number; readonly length: number; readonly byte: number },
  ): Promise<void>;
}

export async function defineBlankGuest(
  disks: readonly { readonly target: string; readonly format: 'qcow2' | 'raw'; readonly sizeBytes: number }[],
): Promise<BlankGuest> {
  const domain = { uri: SYSTEM_URI, name: uniqueName() };
  const folder = await createTestFolder(domain.name);
  const made: BlankDisk[] = [];
  for (const { target, format, sizeBytes } of disks) {
    const file = path.join(folder.path, `${target}.${format}`);
    await runCommand('qemu-img', ['create', '-q', '-f', format, file, String(sizeBytes)]);
    made.push({ target, format, path: file });
  }
  await defineDomain(domain.uri, blankXml(domain.name, made));
  return {
    ...domain,
    uuid: (await onDomain(domain, 'domuuid')).trim(),
    folder: folder.path,
    disks: made,
    start: async () => {
      await onDomain(domain, 'start', ['--paused']);
    },
    stop: async () => {
      await onDomain(domain, 'destroy');
    },
    kill: () => killQemu(domain),
    write: (target, range) => writeRange(domain, { disks: made, target, ...range }),
    [Symbol.asyncDispose]: async () => {
      await removeDomain(domain);
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function writeRange(
  domain: DomainRef,
  wanted: {
    readonly disks: readonly BlankDisk[];
    readonly target: string;
    readonly offset: number;
    readonly length: number;
    readonly byte: number;
  },
): Promise<void> {
  const index = wanted.disks.findIndex(({ target }) => target === wanted.target);
  const disk = wanted.disks[index];
  if (disk === undefined) throw new Error(`there is no disk ${wanted.target}`);
  const write = `write -P ${wanted.byte} ${wanted.offset} ${wanted.length}`;
  if ((await domainState(domain)) === 'shut off') {
    await runCommand('qemu-io', ['-f', disk.format, '-c', write, disk.path]);
    return;
  }
  const device = `/machine/peripheral/virtio-disk${index}/virtio-backend`;
  for (const command of [write, 'flush'])
    await onDomain(domain, 'qemu-monitor-command', ['--hmp', `qemu-io -d ${device} "${command}"`]);
}

function blankXml(name: string, disks: readonly BlankDisk[]): string {
  const elements = disks.map(
    ({ target, format, path: file }) =>
      `<disk type='file' device='disk'><driver name='qemu' type='${format}'/><source file='${file}'/>` +
      `<target dev='${target}' bus='virtio'/></disk>`,
  );
  return `<domain type='qemu'><name>${name}</name><memory unit='MiB'>32</memory>
    <os><type arch='x86_64' machine='pc'>hvm</type></os><devices>${elements.join('')}</devices></domain>`;
}
