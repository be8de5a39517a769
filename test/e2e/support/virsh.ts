import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runCommand, tryCommand } from './run-command.ts';
import { waitUntil } from './wait-until.ts';

export const SYSTEM_URI = 'qemu:///system';

/** A domain as these helpers name it: by connection and name. */
export interface DomainRef {
  readonly uri: string;
  readonly name: string;
}

export function virsh(uri: string, args: readonly string[]): Promise<string> {
  return runCommand('virsh', ['-q', '-c', uri, ...args]);
}

/** A virsh command whose first operand is the domain. */
export function onDomain(domain: DomainRef, command: string, args: readonly string[] = []): Promise<string> {
  return virsh(domain.uri, [command, domain.name, ...args]);
}

export async function defineDomain(uri: string, xml: string): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'domain-'));
  try {
    await writeFile(path.join(folder, 'domain.xml'), xml);
    await virsh(uri, ['define', path.join(folder, 'domain.xml')]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

export async function startDomain(domain: DomainRef): Promise<void> {
  await onDomain(domain, 'start');
}

export async function dumpXml(domain: DomainRef, options: { readonly isInactive?: boolean } = {}): Promise<string> {
  return onDomain(domain, 'dumpxml', options.isInactive === true ? ['--inactive', '--security-info'] : []);
}

/** running, paused, shut off … as virsh names it. */
export async function domainState(domain: DomainRef): Promise<string> {
  return (await onDomain(domain, 'domstate')).trim();
}

export async function domainExists(domain: DomainRef): Promise<boolean> {
  return (await tryCommand('virsh', ['-c', domain.uri, 'domuuid', domain.name])).exitCode === 0;
}

export async function isPersistent(domain: DomainRef): Promise<boolean> {
  return /^Persistent:\s+yes$/m.test(await onDomain(domain, 'dominfo'));
}

/** Source path of each disk by target, as it is now. */
export async function listDisks(domain: DomainRef): Promise<ReadonlyMap<string, string>> {
  const rows = (await onDomain(domain, 'domblklist')).split('\n').filter((row) => row.trim() !== '');
  return new Map(rows.map((row) => row.trim().split(/\s+(.*)/, 2)).map(([target = '', path = '']) => [target, path]));
}

export async function hasBlockJob(domain: DomainRef, target: string): Promise<boolean> {
  return (await onDomain(domain, 'blockjob', [target, '--info', '--raw'])).trim() !== '';
}

/** Asks for a shutdown and waits for the end. */
export async function shutDown(domain: DomainRef, timeoutMs = 30_000): Promise<void> {
  const isOff = async (): Promise<boolean> => (await domainState(domain)) === 'shut off';
  // libvirt asks the agent and then ACPI: a guest that was off before the second was asked is an error to it
  await onDomain(domain, 'shutdown').catch(async (error: unknown) => {
    if (!(await isOff())) throw error;
  });
  await waitUntil(`${domain.name} is off`, isOff, { timeoutMs });
}

/** Whatever state it is in: ends it and removes its definition with all that libvirt keeps about it. */
export async function removeDomain(domain: DomainRef): Promise<void> {
  const attempts = [
    ['destroy', domain.name],
    ['undefine', domain.name, '--managed-save', '--snapshots-metadata', '--checkpoints-metadata', '--nvram', '--tpm'],
  ];
  for (const args of attempts) await tryCommand('virsh', ['-q', '-c', domain.uri, ...args]);
}

/** As a power cut would: nothing that it has in memory is written. */
export async function killQemu(domain: DomainRef): Promise<void> {
  const [pid = ''] = (await runCommand('pgrep', ['-f', `guest=${domain.name},`])).trim().split('\n');
  process.kill(Number(pid), 'SIGKILL');
  const isOff = async (): Promise<boolean> => (await domainState(domain)) === 'shut off';
  await waitUntil(`${domain.name} is off`, isOff, { timeoutMs: 30_000 });
}
