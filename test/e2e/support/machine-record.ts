import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import { canonicalXml } from './canonical-xml.ts';
import { runCommand, tryCommand } from './run-command.ts';
import type { Machine } from './shelf.ts';
import { createTestFolder, type TestFolder } from './test-folder.ts';
import { type DomainRef, domainState, dumpXml, onDomain } from './virsh.ts';

/** What libvirt knows of a machine, whatever its state. */
export interface Definition {
  readonly uuid: string;
  readonly state: string;
  readonly isAutostart: boolean;
  readonly hasManagedSave: boolean;
  /** Inactive, with secrets, canonical. */
  readonly xml: string;
  /** XML without the domain in it, by name; parents first. */
  readonly checkpoints: readonly (readonly [string, string])[];
}

export async function readDefinition(domain: DomainRef): Promise<Definition> {
  const info = await onDomain(domain, 'dominfo');
  return {
    uuid: (await onDomain(domain, 'domuuid')).trim(),
    state: await domainState(domain),
    isAutostart: /^Autostart:\s+enable$/m.test(info),
    hasManagedSave: /^Managed save:\s+yes$/m.test(info),
    xml: canonicalXml(await dumpXml(domain, { isInactive: true })),
    checkpoints: await readCheckpoints(domain),
  };
}

async function readCheckpoints(domain: DomainRef): Promise<Definition['checkpoints']> {
  const listed = await onDomain(domain, 'checkpoint-list', ['--name', '--topological']);
  const names = listed.split('\n').filter((name) => name.trim() !== '');
  const read = async (name: string) =>
    [name, canonicalXml(await onDomain(domain, 'checkpoint-dumpxml', [name, '--no-domain']))] as const;
  return Promise.all(names.map((name) => read(name.trim())));
}

/** All bytes of a machine that is off, kept beside it for comparison. */
export interface MachineData extends AsyncDisposable {
  /** SHA-256 by path. */
  readonly firmware: Readonly<Record<string, string>>;
  /** The guest sees just these disks on the paths given (by default the machine's own), each in its format. */
  expectDisks(disks?: readonly KeptDisk[]): Promise<void>;
  /** As expectDisks for one file; says what differs, or null. */
  compare(target: string, file: { readonly path: string; readonly format: string }): Promise<string | null>;
}

type KeptDisk = Machine['disks'][number];

export async function keepData(machine: Machine): Promise<MachineData> {
  const folder = await createTestFolder();
  try {
    for (const { format, path: file, target } of machine.disks) {
      await runCommand('qemu-img', ['convert', '-q', '-f', format, '-O', 'raw', file, keptPath(folder, target)]);
    }
    const compare: MachineData['compare'] = (target, file) => compareDisk(keptPath(folder, target), file);
    return {
      firmware: await readFirmware(machine),
      compare,
      expectDisks: async (disks = machine.disks) => {
        for (const disk of disks) {
          expect(await formatOf(disk.path), `format of ${disk.path}`).toBe(disk.format);
          expect(await compare(disk.target, disk), `content of ${disk.path}`).toBeNull();
        }
      },
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

function keptPath(folder: TestFolder, target: string): string {
  return path.join(folder.path, `${target}.raw`);
}

async function compareDisk(kept: string, file: { readonly path: string; readonly format: string }) {
  const [length, expected] = [await virtualSize(file.path, file.format), await virtualSize(kept, 'raw')];
  if (length !== expected) return `${length} bytes long instead of ${expected}`;
  const args = ['compare', '-f', 'raw', '-F', file.format, kept, file.path];
  const { exitCode, stdout, stderr } = await tryCommand('qemu-img', args);
  return exitCode === 0 ? null : `${stdout}${stderr}`.trim();
}

async function virtualSize(file: string, format: string): Promise<number> {
  const info: unknown = JSON.parse(await runCommand('qemu-img', ['info', '--output=json', '-f', format, file]));
  return z.object({ 'virtual-size': z.number() }).parse(info)['virtual-size'];
}

async function formatOf(file: string): Promise<string> {
  const magic = (await readFile(file)).subarray(0, 4).toString('latin1');
  return magic === 'QFI\u00fb' ? 'qcow2' : 'raw';
}

/** SHA-256 of the firmware variables and of each file of the TPM's state, by path; nothing for what a machine lacks. */
export async function readFirmware(machine: Pick<Machine, 'name' | 'uuid'>): Promise<Readonly<Record<string, string>>> {
  const tpm = `/var/lib/libvirt/swtpm/${machine.uuid}`;
  const names = await readdir(tpm, { recursive: true }).catch(() => []);
  const files = [`/var/lib/libvirt/qemu/nvram/${machine.name}_VARS.fd`, ...names.map((name) => path.join(tpm, name))];
  const hashes: Record<string, string> = {};
  for (const file of files.sort()) {
    const about = await stat(file).catch(() => null);
    // a lock is of the process that held it
    if (about?.isFile() !== true || path.basename(file) === '.lock') continue;
    hashes[file] = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
  }
  return hashes;
}

/** Names of the dirty bitmaps in a qcow2 file. */
export async function listBitmaps(file: string): Promise<readonly string[]> {
  const info = await runCommand('qemu-img', ['info', '-f', 'qcow2', file]);
  return [...info.matchAll(/^\s+name: (.*)$/gm)].map((match) => match[1] ?? '').sort();
}
