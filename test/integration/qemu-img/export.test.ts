import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { concealKey } from '../../../src/drivers/keys/conceal-key.ts';
import { createDiskTool } from '../../../src/drivers/qemu-img/disk-tool.ts';
import { failureOf, MIB, qemuImg, qemuIo, useFolder } from './disk-fixture.ts';

const folder = useFolder();
const tool = createDiskTool();
const key = concealKey('a key of this test only');
const base = { path: '', format: 'qcow2' as const };
const plain = { path: '', format: 'qcow2' as const };
const sealed = { path: '', format: 'qcow2' as const, key };

beforeAll(async () => {
  for (const [disk, name] of [
    [base, 'base'],
    [plain, 'plain, 1:2'],
    [sealed, 'sealed'],
  ] as const)
    disk.path = folder.path(name);
  await tool.create({ ...base, virtualSizeBytes: 8 * MIB });
  qemuIo(base, 'write -P 1 0 1M');
  await tool.create({ ...plain, backing: base });
  qemuIo(plain, 'write -P 2 4M 1M');
  await tool.convert({ source: plain, target: sealed });
});

const isRunning = (pid: number) => existsSync(`/proc/${pid}`);
const isMounted = (file: string) => readFileSync('/proc/self/mounts', 'utf8').includes(file.replaceAll(' ', '\\040'));

function readByte(file: string, offset: number): number {
  const fd = openSync(file, 'r');
  const bytes = Buffer.alloc(1);
  readSync(fd, bytes, 0, 1, offset);
  closeSync(fd);
  return bytes[0] ?? -1;
}

describe('exportNbd', () => {
  it.each([
    ['a chain', plain],
    ['an encrypted disk', sealed],
  ])('offers %s for reading, to its owner only, until it is disposed', async (name, disk) => {
    const socketPath = folder.path(`${name}.sock`);
    const served = await tool.exportNbd(disk, { socketPath, name: 'one, two' });
    const client = { server: { type: 'unix', path: socketPath }, driver: 'nbd', export: 'one, two' };
    const uri = `json:${JSON.stringify({ driver: 'raw', file: client })}`;
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    expect(isRunning(served.pid)).toBe(true);
    for (let reader = 0; reader < 2; reader += 1) {
      expect(qemuImg('compare', '-f', 'raw', '-F', 'qcow2', uri, plain.path)).toContain('identical');
    }
    expect(() => execFileSync('qemu-io', ['-c', 'write 0 4k', uri], { stdio: 'pipe' })).toThrow();
    await served[Symbol.asyncDispose]();
    await served.ended;
    expect(isRunning(served.pid)).toBe(false);
    expect(existsSync(socketPath)).toBe(false);
  });

  it('tells when its process ends by itself', async () => {
    const socketPath = folder.path('killed.sock');
    await using served = await tool.exportNbd(plain, { socketPath, name: 'x' });
    process.kill(served.pid, 'SIGKILL');
    await served.ended;
    expect(isRunning(served.pid)).toBe(false);
  });

  it('does not serve what cannot be opened, over a file, or on a path that is too long', async () => {
    const socketPath = folder.path('never.sock');
    const wrong = { ...sealed, key: concealKey('some other key of this test') };
    const failure = (disk: typeof plain, path = socketPath) =>
      failureOf(tool.exportNbd(disk, { socketPath: path, name: 'x' }));
    expect(await failure(wrong)).toMatchObject({ code: 'ENCRYPTION_KEY_WRONG' });
    expect(await failure({ path: folder.path('none'), format: 'qcow2' })).toMatchObject({ code: 'QEMU_IMG_FAILED' });
    expect(String(await failure(plain, folder.path('x'.repeat(120))))).toContain('too long');
    writeFileSync(socketPath, 'precious');
    expect(String(await failure(plain))).toContain('there already');
    expect(readFileSync(socketPath, 'utf8')).toBe('precious');
  });
});

describe('exportFile', () => {
  it.each([
    ['a chain', plain],
    ['an encrypted disk', sealed],
  ])('shows %s as a raw file that cannot be written to, until it is disposed', async (name, disk) => {
    const filePath = folder.path(`${name}.raw`);
    writeFileSync(filePath, '');
    const served = await tool.exportFile(disk, { filePath });
    expect(statSync(filePath)).toMatchObject({ size: 8 * MIB });
    expect(statSync(filePath).mode & 0o777).toBe(0o400);
    expect([0, 2 * MIB, 4 * MIB].map((offset) => readByte(filePath, offset))).toEqual([1, 0, 2]);
    expect(await tool.compare({ path: filePath, format: 'raw' }, plain)).toBe(true);
    expect(() => writeFileSync(filePath, 'x')).toThrow();
    await served[Symbol.asyncDispose]();
    expect(isRunning(served.pid)).toBe(false);
    expect(isMounted(filePath)).toBe(false);
    expect(statSync(filePath).size).toBe(0);
  });

  it('leaves no mount when its process was killed, or the file is still open', async () => {
    const filePath = folder.path('killed.raw');
    writeFileSync(filePath, '');
    for (const end of ['SIGKILL', 'open'] as const) {
      const served = await tool.exportFile(plain, { filePath });
      const fd = openSync(filePath, 'r');
      if (end === 'SIGKILL') process.kill(served.pid, end);
      if (end === 'SIGKILL') await served.ended;
      await served[Symbol.asyncDispose]();
      expect(() => closeSync(fd), 'its data is gone with the process').toThrow('ENOTCONN');
      expect(isMounted(filePath)).toBe(false);
      expect(statSync(filePath).size).toBe(0);
    }
  });

  it('shows nothing over a file that is not empty or not there, or of a disk that cannot be opened', async () => {
    const filePath = folder.path('precious');
    writeFileSync(filePath, 'precious');
    expect(String(await failureOf(tool.exportFile(plain, { filePath })))).toContain('empty file');
    expect(String(await failureOf(tool.exportFile(plain, { filePath: folder.path('none') })))).toContain('empty file');
    writeFileSync(filePath, '');
    const none = { path: folder.path('no-disk'), format: 'qcow2' } as const;
    expect(await failureOf(tool.exportFile(none, { filePath }))).toMatchObject({
      code: 'QEMU_IMG_FAILED',
      fields: { subcommand: 'export-file' },
    });
    const wrong = { ...sealed, key: concealKey('some other key of this test') };
    expect(await failureOf(tool.exportFile(wrong, { filePath }))).toMatchObject({ code: 'ENCRYPTION_KEY_WRONG' });
    expect(isMounted(filePath)).toBe(false);
  });
});
