import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CommandOptions, type CommandResult, runCommand, tryCommand } from './run-command.ts';
import { createTestFolder, IMAGES_FOLDER, uniqueName } from './test-folder.ts';

const SCRIPTS = fileURLToPath(new URL('../../../scripts/', import.meta.url));

/** A Debian host with systemd and libvirt, in a container of its own (scripts/nspawn). What it writes is gone with it. */
export interface SystemdHost extends AsyncDisposable {
  /** One folder on both sides, as are all folders of tests: disks of guests lie at the same paths. */
  readonly folder: string;
  /** Its libvirt, for the helpers out here. */
  readonly uri: string;
  /** Standard output of a program that must succeed inside. */
  run(file: string, args?: readonly string[]): Promise<string>;
  try(file: string, args?: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** A path inside, as it is seen from here. */
  pathOf(inside: string): string;
}

export interface SystemdHostOptions {
  /** Block devices of this machine that it sees too. */
  readonly devices?: readonly string[];
}

export async function bootSystemdHost(options: SystemdHostOptions = {}): Promise<SystemdHost> {
  const folder = await createTestFolder(uniqueName());
  const nspawn = (verb: string, args: readonly string[] = [], run: CommandOptions = {}): Promise<CommandResult> =>
    tryCommand(`${SCRIPTS}nspawn`, [verb, folder.path, ...args], run);
  const binds = [IMAGES_FOLDER, ...(options.devices ?? [])].map((file) => `--bind=${file}`);
  const dispose = async (): Promise<void> => {
    await nspawn('stop');
    await folder[Symbol.asyncDispose]();
  };
  const booted = await nspawn('boot', binds);
  if (booted.exitCode !== 0) {
    await dispose();
    throw new Error(`the container does not boot: ${booted.stderr}`);
  }
  const init = (await readFile(path.join(folder.path, 'init.pid'), 'utf8')).trim();
  const pathOf = (inside: string): string => `/proc/${init}/root${inside}`;
  return {
    folder: folder.path,
    uri: `qemu+unix:///system?socket=${pathOf('/run/libvirt/libvirt-sock')}`,
    run: (file, args = []) => runCommand(`${SCRIPTS}nspawn`, ['exec', folder.path, file, ...args]),
    try: (file, args = [], run = {}) => nspawn('exec', [file, ...args], run),
    pathOf,
    [Symbol.asyncDispose]: dispose,
  };
}

/** Builds the Debian package where it is not of these sources; gives its path inside the host. */
export async function bringPackage(host: SystemdHost): Promise<string> {
  const built = (await runCommand(`${SCRIPTS}build-deb`, ['--cached'])).trim();
  const file = path.join(host.folder, 'darkroom.deb');
  await copyFile(built, file);
  return file;
}

/** Installs the package as an operator does; the host has no network. */
export async function installDarkroom(host: SystemdHost): Promise<void> {
  await aptGet(host, ['install', '--no-install-recommends', await bringPackage(host)]);
}

/** Both of its outputs. */
export async function aptGet(host: SystemdHost, args: readonly string[]): Promise<string> {
  const command = ['DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y', ...args];
  const { exitCode, stdout, stderr } = await host.try('env', command);
  if (exitCode !== 0) throw new Error(`apt-get ${args.join(' ')} ended with ${exitCode}: ${stdout}${stderr}`);
  return stdout + stderr;
}
