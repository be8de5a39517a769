import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createGeneralizer } from '../../../src/drivers/host/generalizer.ts';

const TIMEOUT_MS = 300_000;
let folder = '';

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function makeEmptyDisk(name: string): { path: string; format: string } {
  const disk = { path: path.join(folder, name), format: 'qcow2' };
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', disk.path, '64M']);
  return disk;
}

const PARTITION_BYTES = 1024 ** 2;
const FILES: Readonly<Record<string, string>> = {
  'etc/debian_version': '12.0\n',
  'etc/os-release': 'ID=debian\nVERSION_ID=12\nPRETTY_NAME=Debian\n',
  'etc/fstab': 'LABEL=system / ext4 defaults 0 1\n',
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n',
  'etc/machine-id': '0123456789abcdef0123456789abcdef\n',
  'etc/ssh/ssh_host_rsa_key': 'secret',
  'root/kept': 'kept',
};

/** A disk that libguestfs takes for a small Debian with a machine-id and an ssh host key. */
function makeLinuxDisk(name: string): { path: string; format: string } {
  const tree = mkdtempSync(path.join(folder, 'tree-'));
  for (const directory of [
    'etc/ssh',
    'bin',
    'usr/bin',
    'var/log',
    'var/lib/dpkg',
    'root',
    'home',
    'boot',
    'tmp',
    'dev',
  ]) {
    mkdirSync(path.join(tree, directory), { recursive: true });
  }
  for (const [file, content] of Object.entries(FILES)) writeFileSync(path.join(tree, file), content);
  const disk = { path: path.join(folder, name), format: 'qcow2' };
  const raw = `${disk.path}.raw`;
  execFileSync('truncate', ['-s', '64M', raw]);
  execFileSync('sfdisk', ['-q', '--no-reread', '--no-tell-kernel', raw], {
    input: 'label: dos\nstart=1MiB, type=83\n',
  });
  const places = ['-E', `offset=${PARTITION_BYTES}`, '-d', tree, raw, '63M'];
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'system', ...places], { stdio: 'ignore' });
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, disk.path]);
  return disk;
}

/** Answers of debugfs: a helper system of libguestfs would take ten times as long. */
function inspect(disk: { path: string }, ...requests: readonly string[]): string {
  const raw = `${disk.path}.raw`;
  execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', disk.path, raw]);
  const place = `${raw}?offset=${PARTITION_BYTES}`;
  return requests
    .map((request) => execFileSync('debugfs', ['-R', request, place], { encoding: 'utf8', stdio: 'pipe' }))
    .join('\n');
}

/** Command lines of running processes that name the text. */
function findProcesses(text: string): string[] {
  const commands = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    });
  return commands.filter((command) => command.includes(text));
}

beforeAll(() => {
  folder = mkdtempSync('/var/tmp/darkroom-sysprep-');
  execFileSync('sh', ['-c', 'command -v virt-sysprep || { echo "install libguestfs-tools" >&2; exit 1; }']);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

describe('generalizer', () => {
  it('removes machine-id and host keys and keeps the rest', { timeout: TIMEOUT_MS }, async () => {
    const system = makeLinuxDisk('linux, 1.qcow2');
    const look = (): string => inspect(system, 'cat /etc/machine-id', 'ls /etc/ssh', 'cat /root/kept');
    for (const there of ['0123456789abcdef', 'ssh_host_rsa_key', 'kept']) expect(look()).toContain(there);
    await createGeneralizer().generalize([system, makeEmptyDisk('data.qcow2')]);
    const found = look();
    expect(found).not.toContain('0123456789abcdef');
    expect(found).not.toContain('ssh_host_rsa_key');
    expect(found).toContain('kept');
  });

  it('says that it knows no system on an empty disk', { timeout: TIMEOUT_MS }, async () => {
    const disk = makeEmptyDisk('empty.qcow2');
    const error = await failureOf(createGeneralizer().generalize([disk]));
    expect(error).toMatchObject({ code: 'GENERALIZE_FAILED', fields: { path: disk.path } });
    expect(String(error)).toContain('knows no operating system');
  });

  it('says what failed when a disk is damaged', { timeout: TIMEOUT_MS }, async () => {
    const error = await failureOf(
      createGeneralizer({ acceleration: 'tcg' }).generalize([{ path: path.join(folder, 'missing'), format: 'raw' }]),
    );
    expect(error).toMatchObject({ code: 'GENERALIZE_FAILED' });
    expect(String(error)).toContain('No such file');
  });

  it('ends the helper system too when it is cancelled', { timeout: TIMEOUT_MS }, async () => {
    const disk = makeEmptyDisk('cancelled.qcow2');
    const controller = new AbortController();
    const running = failureOf(createGeneralizer({ acceleration: 'tcg' }).generalize([disk], controller.signal));
    await vi.waitFor(() => expect(findProcesses(disk.path).some((c) => c.includes('qemu-system'))).toBe(true), 60_000);
    controller.abort();
    expect(await running).toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => findProcesses(disk.path), { timeout: 10_000 }).toEqual([]);
  });

  it('is available here', async () => {
    await createGeneralizer().assertAvailable();
  });

  it('says what to install where the tool is missing', async () => {
    vi.stubEnv('PATH', folder);
    const disk = { path: path.join(folder, 'any'), format: 'raw' };
    for (const attempt of [createGeneralizer().assertAvailable(), createGeneralizer().generalize([disk])]) {
      const error = await failureOf(attempt);
      expect(error).toMatchObject({ code: 'TOOL_MISSING' });
      expect(String(error)).toContain('install libguestfs-tools');
    }
  });
});
