import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CommandCancelled, CommandFailed, CommandMissing, CommandTimedOut } from '../../../src/lib/command-errors.ts';
import { findProgram, runCommand } from '../../../src/lib/run-command.ts';

const sh = (script: string) => ({ file: 'sh', args: ['-c', script] });

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

afterEach(() => vi.unstubAllEnvs());

describe('runCommand', () => {
  it('returns both outputs as they were printed and how long it took', async () => {
    const result = await runCommand(sh('echo out; echo err >&2'));
    expect(result).toMatchObject({ stdout: 'out\n', stderr: 'err\n', exitCode: 0, diesWithUs: true });
    expect(result.durationMs).toBeGreaterThan(0);
  });

  it('passes arguments as they are, without a shell', async () => {
    const result = await runCommand({ file: 'printf', args: ['%s|', '$HOME', 'a b', '*', '-x'] });
    expect(result.stdout).toBe('$HOME|a b|*|-x|');
  });

  it('speaks the C locale whatever the environment says', async () => {
    const result = await runCommand({ ...sh('echo $LC_ALL $EXTRA'), env: { LC_ALL: 'de_DE', EXTRA: 'more' } });
    expect(result.stdout).toBe('C more\n');
  });

  it('gives the command its input and then the end of it', async () => {
    expect((await runCommand({ ...sh('cat; echo .'), input: 'a\nb' })).stdout).toBe('a\nb.\n');
    expect((await runCommand({ file: 'true', args: [], input: 'x'.repeat(1_000_000) })).exitCode).toBe(0);
  });

  it('lets a conversation be held with the command, as long as that listens', async () => {
    let answer: (text: string) => void = () => undefined;
    const { stdout } = await runCommand({
      ...sh('echo ready; read name; echo hello $name; exec true'),
      onInput: (write) => {
        answer = write;
      },
      onLine: (line) => answer(line === 'ready' ? 'you\n' : 'too late\n'),
    });
    expect(stdout).toBe('ready\nhello you\n');
  });

  it('keeps its own environment from a command that is given a whole one', async () => {
    const result = await runCommand({ file: '/usr/bin/env', args: [], wholeEnv: { EXTRA: 'more' } });
    expect(result.stdout.trim().split('\n').sort()).toEqual(['EXTRA=more', 'LC_ALL=C']);
  });

  it.each([0, 3])('waits only so long for output that something left behind holds open: exit code %i', async (code) => {
    const began = Date.now();
    const script = sh(`echo said >&2; sleep 20 & exit ${code}`);
    const result = await runCommand({ ...script, outputGraceMs: 100, acceptExitCodes: [code] });
    expect(result).toMatchObject({ exitCode: code, stderr: 'said\n' });
    expect(Date.now() - began).toBeLessThan(15_000);
  });

  it('throws the exit code, the arguments and stderr when the command fails', async () => {
    const error = await failureOf(runCommand(sh('echo broken >&2; exit 3')));
    expect(error).toBeInstanceOf(CommandFailed);
    expect(error).toMatchObject({ exitCode: 3, signal: null, stderr: 'broken\n', file: 'sh' });
    expect(String(error)).toContain('sh ended with exit code 3: broken');
  });

  it('returns exit codes that the caller accepts', async () => {
    const result = await runCommand({ ...sh('exit 2'), acceptExitCodes: [0, 2] });
    expect(result.exitCode).toBe(2);
  });

  it('names the signal that ended a command from outside', async () => {
    const error = await failureOf(runCommand(sh('kill -9 $$')));
    expect(error).toMatchObject({ name: 'CommandFailed', exitCode: null, signal: 'SIGKILL' });
  });

  it.each(['darkroom-no-such-tool', '/nonexistent/tool', '/etc/passwd'])('says that %s is missing', async (file) => {
    expect(await failureOf(runCommand({ file, args: [] }))).toBeInstanceOf(CommandMissing);
  });

  it('still runs the command where setpriv is missing, and says that it would outlive us', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    expect(await runCommand({ file: '/bin/true', args: [] })).toMatchObject({ exitCode: 0, diesWithUs: false });
  });

  it('reports the pid of the command itself', async () => {
    const pids: number[] = [];
    const result = await runCommand({ ...sh('echo $$'), onStart: (pid) => pids.push(pid) });
    expect(pids).toEqual([Number(result.stdout)]);
  });

  it('ends the command when the caller fails at its start', async () => {
    let started = 0;
    const onStart = (pid: number) => {
      started = pid;
      throw new Error('journal is gone');
    };
    const error = await failureOf(runCommand({ file: 'sleep', args: ['60'], onStart }));
    expect(String(error)).toContain('journal is gone');
    expect(isRunning(started)).toBe(false);
  });

  it('hands out lines while the command runs, carriage returns ending lines too', async () => {
    const lines: string[] = [];
    await runCommand({
      ...sh("printf 'one\\rtwo\\r\\nthr'; sleep 0.05; printf 'ee'; echo err >&2"),
      onLine: (line, stream) => lines.push(`${stream}: ${line}`),
    });
    expect(lines.filter((line) => line.startsWith('stdout'))).toEqual(['stdout: one', 'stdout: two', 'stdout: three']);
    expect(lines).toContain('stderr: err');
  });

  it('does not start anything when the signal has fired before', async () => {
    const onStart = vi.fn();
    const error = await failureOf(runCommand({ ...sh('true'), signal: AbortSignal.abort(), onStart }));
    expect(error).toBeInstanceOf(CommandCancelled);
    expect(onStart).not.toHaveBeenCalled();
  });

  it('has really ended the command when a cancelled call returns', async () => {
    const controller = new AbortController();
    let pid = 0;
    const running = failureOf(
      runCommand({
        file: 'sleep',
        args: ['60'],
        signal: controller.signal,
        onStart: (started) => {
          pid = started;
        },
      }),
    );
    await sleep(50);
    expect(isRunning(pid)).toBe(true);
    controller.abort();
    expect(await running).toBeInstanceOf(CommandCancelled);
    expect(isRunning(pid)).toBe(false);
  });

  it('stops a command that takes too long', async () => {
    const error = await failureOf(runCommand({ file: 'sleep', args: ['60'], timeoutMs: 50 }));
    expect(error).toBeInstanceOf(CommandTimedOut);
    expect(String(error)).toContain('50 ms');
  });

  it('stops a command that prints more than it may', async () => {
    const error = await failureOf(runCommand({ file: 'yes', args: [], maxOutputBytes: 1000 }));
    expect(error).toBeInstanceOf(CommandFailed);
    expect(String(error)).toContain('printed more than it may');
  });

  it('sets the priority', async () => {
    const result = await runCommand({ ...sh('sleep 0.1; nice'), nice: 7 });
    expect(result.stdout).toBe('7\n');
  });
});

describe('findProgram', () => {
  it('finds a program in PATH and nothing for a folder of that name', async () => {
    expect(await findProgram('sh')).toMatch(/\/sh$/);
    vi.stubEnv('PATH', '/usr');
    expect(await findProgram('bin')).toBeNull();
  });
});
