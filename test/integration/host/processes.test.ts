import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createProcesses } from '../../../src/drivers/host/processes.ts';
import { useFolder } from './file-systems.ts';

const processes = createProcesses();
const folder = useFolder();

function startSleep(): ChildProcess & { pid: number } {
  const child = spawn('sleep', ['600']);
  if (child.pid === undefined) throw new Error('sleep did not start');
  return Object.assign(child, { pid: child.pid });
}

describe('processes', () => {
  it('knows this process', () => {
    expect(processes.self.pid).toBe(process.pid);
    expect(processes.isAlive(processes.self)).toBe(true);
    expect(processes.identify(process.pid)).toEqual(processes.self);
  });

  it('does not take another process for one that had the same pid', () => {
    expect(processes.isAlive({ ...processes.self, startTicks: processes.self.startTicks - 1 })).toBe(false);
    expect(processes.isAlive({ ...processes.self, bootId: 'another boot' })).toBe(false);
  });

  it('reads the start time of a process whose name looks like a line of proc', async () => {
    const child = startSleep();
    const script = folder.path(') R 1 2 (');
    writeFileSync(script, '#!/bin/sh\nread line\n', { mode: 0o755 });
    const odd = spawn(script);
    const plain = processes.identify(child.pid);
    await expect.poll(() => readFileSync(`/proc/${odd.pid}/comm`, 'utf8')).toContain(') R 1');
    const found = processes.identify(odd.pid ?? 0);
    expect(Math.abs((found?.startTicks ?? 0) - (plain?.startTicks ?? 0))).toBeLessThan(500);
    odd.kill('SIGKILL');
    child.kill('SIGKILL');
  });

  it('gives no identity to a pid that nobody has', () => {
    expect(processes.identify(2 ** 22 + 1)).toBeNull();
  });

  it('kills exactly the process it is told, and waits until it is gone', async () => {
    const child = startSleep();
    const identity = processes.identify(child.pid);
    if (identity === null) throw new Error('not running');
    await processes.kill({ ...identity, startTicks: identity.startTicks + 1 });
    expect(processes.isAlive(identity)).toBe(true);
    await processes.kill(identity);
    expect(processes.isAlive(identity)).toBe(false);
    await processes.kill(identity);
  });

  it('counts a process that has ended but was not reaped as gone', async () => {
    // The shell becomes a program that never waits for its child, which ends only then.
    const script = '(until grep -q sleep /proc/$$/comm; do :; done) & echo $!; exec sleep 600';
    const parent = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = Number(String((await once(parent.stdout, 'data'))[0]));
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ');
    expect(processes.identify(pid)).toBeNull();
    parent.kill('SIGKILL');
  });
});

describe('commands', () => {
  it('die with the process that runs them, even when it is killed', async () => {
    const built = fileURLToPath(new URL('../../../dist/lib/run-command.js', import.meta.url));
    const script = folder.path('parent.mjs');
    writeFileSync(
      script,
      `import { runCommand } from ${JSON.stringify(built)};
       await runCommand({ file: 'sleep', args: ['600'], onStart: (pid) => console.log(pid) });`,
    );
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const pid = Number(String((await once(parent.stdout, 'data'))[0]));
      await expect.poll(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toMatch(/^[^-]*sleep/);
      const child = processes.identify(pid);
      if (child === null) throw new Error('the command is not running');
      parent.kill('SIGKILL');
      await expect.poll(() => processes.isAlive(child), { timeout: 5_000 }).toBe(false);
    } finally {
      parent.kill('SIGKILL');
    }
  });
});
