import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createDiskTool } from '../../../src/drivers/qemu-img/disk-tool.ts';
import type { Priority } from '../../../src/drivers/qemu-img/run-qemu-img.ts';
import { failureOf, MIB, qemuIo, useFolder } from './disk-fixture.ts';

const folder = useFolder();
const source = () => ({ path: folder.path('source'), format: 'raw' }) as const;
let made = 0;

beforeAll(async () => {
  await createDiskTool().create({ ...source(), virtualSizeBytes: 8 * MIB });
  qemuIo(source(), 'write -P 3 0 8M');
});

/** Fields of proc(5) `stat` after the name: 1 is the state, 17 the nice value. */
function statOf(pid: number, thread = pid): readonly string[] {
  return readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
}

const NICE_FIELD = 16;
const nicesOf = (pid: number): number[] =>
  readdirSync(`/proc/${pid}/task`).map((thread) => Number(statOf(pid, Number(thread))[NICE_FIELD]));
const ioPriorityOf = (pid: number): string => execFileSync('ionice', ['-p', String(pid)], { encoding: 'utf8' }).trim();
const nameOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trim();

/** What a slow convert looks like while it runs. */
async function watchConvert(priority: Priority) {
  const tool = createDiskTool({ priority: () => priority });
  let pid = 0;
  const onStart = (started: number): void => {
    pid = started;
  };
  made += 1;
  const target = { path: folder.path(`copy-${made}`), format: 'raw' } as const;
  const enough = new AbortController();
  const request = { source: source(), target, bandwidthBytesPerSecond: MIB, onStart };
  const converting = failureOf(tool.convert(request, enough.signal));
  await vi.waitUntil(() => pid !== 0 && nameOf(pid) === 'qemu-img', { timeout: 20_000 });
  await sleep(100);
  const seen = { name: nameOf(pid), nices: [...new Set(nicesOf(pid))], ioPriority: ioPriorityOf(pid) };
  enough.abort();
  expect(await converting).toMatchObject({ code: 'CANCELLED' });
  return seen;
}

describe('a qemu-img that moves much data', () => {
  it.each<[Priority, number, string]>([
    [{ nice: 10, ioClass: 'best-effort' }, 10, 'best-effort: prio 7'],
    [{ nice: 19, ioClass: 'idle' }, 19, 'idle'],
    [{ nice: 0, ioClass: 'idle' }, 0, 'idle'],
  ])('runs with %o in all its threads, under the pid that is reported', async (priority, nice, ioPriority) => {
    expect(await watchConvert(priority)).toEqual({ name: 'qemu-img', nices: [nice], ioPriority });
  });

  it('runs as this process does where nothing else is wished', async () => {
    const { nices, ioPriority } = await watchConvert({ nice: 0, ioClass: 'none' });
    expect([nices, ioPriority]).toEqual([[0], ioPriorityOf(process.pid)]);
  });

  it('runs where ionice is not installed', async () => {
    const bin = mkdtempSync(path.join(tmpdir(), 'dr-bin-'));
    for (const program of ['qemu-img', 'setpriv']) {
      symlinkSync(execFileSync('which', [program], { encoding: 'utf8' }).trim(), path.join(bin, program));
    }
    vi.stubEnv('PATH', bin);
    const target = { path: folder.path('without'), format: 'raw' } as const;
    const tool = createDiskTool({ priority: () => ({ nice: 10, ioClass: 'idle' }) });
    try {
      await tool.convert({ source: source(), target });
    } finally {
      vi.unstubAllEnvs();
      rmSync(bin, { recursive: true });
    }
    expect(await tool.compare(source(), target)).toBe(true);
  });
});

describe('when its parent is killed', () => {
  const parents: ChildProcess[] = [];
  afterEach(() => {
    for (const parent of parents) parent.kill('SIGKILL');
  });

  it('ends too, at whatever priority', async () => {
    const module = fileURLToPath(new URL('../../../dist/drivers/qemu-img/disk-tool.js', import.meta.url));
    const job = {
      source: source(),
      target: { path: folder.path('orphan'), format: 'raw' },
      bandwidthBytesPerSecond: MIB / 2,
    };
    const script = `
      const { createDiskTool } = await import(${JSON.stringify(module)});
      const tool = createDiskTool({ priority: () => ({ nice: 10, ioClass: 'idle' }) });
      await tool.convert({ ...${JSON.stringify(job)}, onStart: (pid) => console.log(pid) });`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script]);
    parents.push(parent);
    const pid = await new Promise<number>((resolve) => parent.stdout.once('data', (line) => resolve(Number(line))));
    await vi.waitUntil(() => nameOf(pid) === 'qemu-img', { timeout: 20_000 });
    expect(ioPriorityOf(pid)).toBe('idle');
    parent.kill('SIGKILL');
    const isGone = (): boolean => {
      try {
        return ['Z', 'X'].includes(statOf(pid)[0] ?? '');
      } catch {
        return true;
      }
    };
    await vi.waitUntil(isGone, { timeout: 10_000 });
  });
});
