import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runCommand, tryCommand } from './run-command.ts';
import { createTestFolder } from './test-folder.ts';
import { waitUntil } from './wait-until.ts';

/**
 * A second libvirt daemon on this machine with domains, networks and sockets of its own. It shares files, so disks
 * have the same paths as on the first; firmware variables and TPM state lie side by side, too. Guests outlive a stop
 * of the daemon, as they do on any host.
 */
export interface SecondHost extends AsyncDisposable {
  /** For virsh and --connect, from anywhere on this machine. */
  readonly uri: string;
  /** Before a command: it then takes this libvirt for the system's, with all the files that libvirt keeps. */
  readonly enter: readonly string[];
  /** Of the daemon and its guests; it goes with the host. */
  readonly logFolder: string;
  start(): Promise<void>;
  /** Ends the daemon; KILL pulls it away. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  restart(): Promise<void>;
}

/** Starts a second libvirt daemon in a mount namespace of its own. */
export async function createSecondHost(): Promise<SecondHost> {
  const folder = await createTestFolder();
  await prepareFolder(folder.path);
  const holder = await holdNamespace(folder.path);
  const uri = `qemu+unix:///system?socket=${folder.path}/run/libvirt-sock`;
  let daemon: ChildProcess | null = null;

  const stop: SecondHost['stop'] = async (signal = 'SIGTERM') => {
    const running = daemon;
    daemon = null;
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    running.kill(signal);
    await ended;
  };
  const start = async (): Promise<void> => {
    daemon ??= startDaemon(folder.path, holder.pid ?? 0);
    await waitUntil('the second libvirt answers', () => answers(uri), { timeoutMs: 60_000 });
  };
  const host: SecondHost = {
    uri,
    enter: enterNamespace(holder.pid ?? 0),
    logFolder: path.join(folder.path, 'log'),
    start,
    stop,
    restart: async () => {
      await stop();
      await start();
    },
    [Symbol.asyncDispose]: async () => {
      await removeAll(uri);
      await stop();
      holder.kill();
      await folder[Symbol.asyncDispose]();
    },
  };
  try {
    await start();
    return host;
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
}

/** Settings: no polkit, no virtlogd, no networks that the first daemon has already. */
async function prepareFolder(folder: string): Promise<void> {
  await runCommand('mkdir', ['-p', ...['run', 'qemu', 'dnsmasq', 'log'].map((name) => path.join(folder, name))]);
  await runCommand('cp', ['-a', '/etc/libvirt', path.join(folder, 'etc')]);
  await runCommand('find', [path.join(folder, 'etc/qemu'), '-name', '*.xml', '-delete']);
  await runCommand('chown', ['--reference=/var/lib/libvirt/qemu', path.join(folder, 'qemu')]);
  await runCommand('chmod', ['--reference=/var/lib/libvirt/qemu', path.join(folder, 'qemu')]);
  await appendLine(path.join(folder, 'etc/libvirtd.conf'), 'auth_unix_rw = "none"');
  await appendLine(path.join(folder, 'etc/libvirtd.conf'), `log_outputs = "3:file:${folder}/log/libvirtd.log"`);
  await appendLine(path.join(folder, 'etc/qemu.conf'), 'stdio_handler = "file"');
}

async function appendLine(file: string, line: string): Promise<void> {
  await writeFile(file, `${await readFile(file, 'utf8')}\n${line}\n`);
}

/** A process that keeps the namespace, because guests and restarted daemons live in it; it ends with this one. */
async function holdNamespace(folder: string): Promise<ChildProcess> {
  const script = `set -e
    mkdir -p "$1/qemu/nvram" /run/libvirt
    mount --bind /var/lib/libvirt/qemu/nvram "$1/qemu/nvram"
    mount --rbind "$1/qemu" /var/lib/libvirt/qemu
    mount --bind "$1/dnsmasq" /var/lib/libvirt/dnsmasq
    mount --bind "$1/log" /var/log/libvirt
    mount --bind "$1/etc" /etc/libvirt
    mount --bind "$1/run" /run/libvirt
    echo ready
    exec cat`;
  const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(holder, 'exit').then(() => Promise.reject(new Error('no namespace for a second libvirt')));
  await Promise.race([once(holder.stdout, 'data'), ended]);
  ended.catch(() => undefined);
  return holder;
}

function enterNamespace(pid: number): readonly string[] {
  return ['nsenter', '--target', String(pid), '--mount', '--'];
}

function startDaemon(folder: string, namespacePid: number): ChildProcess {
  const daemon = ['setpriv', '--pdeathsig', 'KILL', 'libvirtd', '--pid-file', path.join(folder, 'libvirtd.pid')];
  const [enter = '', ...args] = [...enterNamespace(namespacePid), ...daemon];
  return spawn(enter, args, { stdio: 'ignore' });
}

async function answers(uri: string): Promise<boolean> {
  const socket = /socket=(.*)/.exec(uri)?.[1] ?? '';
  await access(socket);
  return (await tryCommand('virsh', ['-q', '-c', uri, 'version'])).exitCode === 0;
}

/** Guests that a test has left would run on without their daemon. */
async function removeAll(uri: string): Promise<void> {
  for (const [list, end] of [
    ['list', 'destroy'],
    ['net-list', 'net-destroy'],
  ] as const) {
    const { stdout } = await tryCommand('virsh', ['-q', '-c', uri, list, '--name']);
    for (const name of stdout.split('\n').filter((line) => line.trim() !== '')) {
      await tryCommand('virsh', ['-q', '-c', uri, end, name.trim()]);
    }
  }
}
