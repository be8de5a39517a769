import { describe, expect, it } from 'vitest';
import { createOutput } from '../../../src/cli/output.ts';
import type { Progress } from '../../../src/cli/render/progress.ts';
import { createBarProgress } from '../../../src/cli/render/progress-bar.ts';
import { createJsonProgress } from '../../../src/cli/render/progress-json.ts';
import { createLineProgress } from '../../../src/cli/render/progress-lines.ts';
import { createRateMeter } from '../../../src/cli/render/rate-meter.ts';
import { formatBytes, formatDuration, printable } from '../../../src/cli/render/text.ts';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { Operation } from '../../../src/model/operation.ts';
import { failWith } from '../agent/fake-application.ts';
import { sampleOperation } from '../agent/samples.ts';
import { FakeStream, FakeTerminal } from './fake-terminal.ts';

const MIB = 1024 ** 2;

/** 100 changes of a copy of 1000 MiB, 100 ms apart. */
function copy(progress: Progress, clock: { ms: number }): void {
  progress.update({ ...sampleOperation, step: 'freeze' });
  for (let done = 0; done <= 1000; done += 10) {
    clock.ms += 100;
    progress.update(at(done));
  }
  progress.end();
}

function at(doneMiB: number): Operation {
  return { ...sampleOperation, step: 'copy', progress: { done: doneMiB * MIB, total: 1000 * MIB, unit: 'bytes' } };
}

function setUp(options: { isTerminal: boolean; isJson: boolean }) {
  const stderr = new FakeStream(options);
  const output = createOutput({ stdout: new FakeStream(), stderr }, { isJson: options.isJson, environment: {} });
  const clock = { ms: 0 };
  return { stderr, output, clock, now: () => clock.ms };
}

describe('progress', () => {
  it('is a line at every change of step and every tenth where no terminal is', () => {
    const { stderr, output, clock, now } = setUp({ isTerminal: false, isJson: false });
    copy(createLineProgress(output, now), clock);
    const lines = stderr.text.trimEnd().split('\n');
    expect(lines).toHaveLength(12);
    expect(lines[0]).toBe('web-1: freeze');
    expect(lines[6]).toBe('web-1: copy 500 MiB of 1000 MiB (50%), 100 MiB/s');
  });

  it('is JSON lines a few times a second with --json', () => {
    const { stderr, output, clock, now } = setUp({ isTerminal: false, isJson: true });
    copy(createJsonProgress(output, now), clock);
    const lines = stderr.text
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(lines.length).toBeGreaterThan(40);
    expect(lines.length).toBeLessThan(60);
    expect(lines[1]).toEqual({
      operation: 'op-0',
      kind: 'image.create',
      status: 'running',
      step: 'copy',
      progress: { done: 0, total: 1000 * MIB, unit: 'bytes' },
    });
  });

  it('is a bar with bytes, rate and remaining time on a terminal, and leaves no trace', () => {
    const { stderr, output, clock, now } = setUp({ isTerminal: true, isJson: false });
    copy(createBarProgress(output, now), clock);
    expect(stderr.text).toContain('web-1: freeze …');
    expect(stderr.text).toMatch(/web-1: copy \[.*\] \d+% /u);
    expect(stderr.text.endsWith('\r\u001b[K')).toBe(true);
  });
});

describe('the rate', () => {
  it('is that of the last seconds', () => {
    const meter = createRateMeter();
    meter({ atMs: 0, done: 0 }, 1000);
    meter({ atMs: 10_000, done: 100 }, 1000);
    expect(meter({ atMs: 11_000, done: 200 }, 1000)).toEqual({ bytesPerSecond: 100, remainingMs: 8000 });
  });

  it('is unknown at first, and after a step back', () => {
    const meter = createRateMeter();
    expect(meter({ atMs: 0, done: 50 }, 100)).toEqual({ bytesPerSecond: 0, remainingMs: null });
    expect(meter({ atMs: 1000, done: 0 }, 100)).toEqual({ bytesPerSecond: 0, remainingMs: null });
  });
});

describe('texts', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1.5 * 1024 ** 3, '1.5 GiB'],
    [1000 * MIB, '1000 MiB'],
  ])('shows %d bytes as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [850, '850 ms'],
    [4200, '4.2 s'],
    [185_000, '3 min 05 s'],
    [7_380_000, '2 h 03 min'],
  ])('shows %d ms as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  it('lets no name steer the terminal', () => {
    expect(printable('a\u001b[2Jb\u202ec 語')).toBe('a\\u{1b}[2Jb\\u{202e}c 語');
  });
});

describe('an agent that stops answering', () => {
  const gone = (): never => {
    throw new DarkroomError('AGENT_UNREACHABLE', 'It is gone.');
  };

  it('is asked for as long as patience lasts; then it is said what becomes of the operation', async () => {
    const terminal = new FakeTerminal();
    terminal.isAgent = true;
    terminal.patience = { totalMs: 30, pauseMs: 1 };
    terminal.application.operations.watch = gone;
    expect(await terminal.run('image', 'create', 'web-1', '--name', 'x')).toBe(7);
    expect(terminal.stderr.text.match(/trying again/g)).toHaveLength(1);
    expect(terminal.stderr.text).toContain('It has not answered for 30 ms. Operation op-1 goes on, or is put right');
  });

  it('is none where this process does the work', async () => {
    const terminal = new FakeTerminal();
    terminal.application.operations.watch = gone;
    expect(await terminal.run('image', 'create', 'web-1', '--name', 'x')).toBe(7);
    expect(terminal.stderr.text).toBe('error: It is gone. (AGENT_UNREACHABLE)\n');
  });

  it('is asked to cancel again when it is back', async () => {
    const terminal = new FakeTerminal();
    const { application, interrupts } = terminal;
    const { cancel, watch } = application.operations;
    let breakOff = () => {};
    const broken = new Promise<void>((resolve) => {
      breakOff = resolve;
    });
    let isAsked = false;
    terminal.isAgent = true;
    application.isEndless = true;
    application.operations.watch = async function* (id) {
      application.operations.watch = watch;
      yield await application.operations.show(id);
      await broken;
      gone();
    };
    application.operations.cancel = async () => {
      isAsked = true;
      return gone();
    };
    const exitCode = terminal.run('image', 'create', 'web-1', '--name', 'x');
    await expect.poll(() => terminal.stderr.text).toContain('prepare');
    interrupts.send();
    await expect.poll(() => isAsked).toBe(true);
    application.operations.cancel = cancel;
    breakOff();
    expect(await exitCode).toBe(130);
    expect(application.cancelled).toEqual(['op-1']);
    expect(terminal.stderr.text).not.toContain('not accepted');
  });
});

describe('Ctrl-C', () => {
  it('cancels the operation once, says so each time, waits for its end and ends with 130', async () => {
    const terminal = new FakeTerminal();
    terminal.application.isEndless = true;
    const exitCode = terminal.run('image', 'create', 'web-1', '--name', 'x');
    await expect.poll(() => terminal.application.watchers).toBe(1);
    terminal.interrupts.send();
    terminal.interrupts.send();
    expect(await exitCode).toBe(130);
    expect(terminal.application.cancelled).toEqual(['op-1']);
    expect(terminal.stderr.text.match(/Cancelling/g)).toHaveLength(2);
    expect(terminal.interrupts.isHeard).toBe(false);
  });

  it("comes too late once the work is done, and is nobody's before that", async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run('image', 'create', 'web-1', '--name', 'x')).toBe(0);
    expect(terminal.interrupts.isFinished).toBe(true);
    const failing = new FakeTerminal();
    failing.application.script = failWith('COPY_FAILED');
    expect(await failing.run('image', 'create', 'web-1', '--name', 'x')).toBe(6);
    expect(failing.interrupts.isFinished).toBe(false);
  });

  it('need not be waited for when an agent does the work', async () => {
    const terminal = new FakeTerminal();
    terminal.isAgent = true;
    terminal.application.isEndless = true;
    terminal.application.operations.cancel = (id) => terminal.application.operations.show(id);
    const exitCode = terminal.run('image', 'create', 'web-1', '--name', 'x');
    await expect.poll(() => terminal.application.watchers).toBe(1);
    terminal.interrupts.send();
    terminal.interrupts.send();
    expect(await exitCode).toBe(130);
    expect(terminal.stderr.text).toContain('Operation op-1 is being undone by the agent');
    expect(terminal.interrupts.isHeard).toBe(false);
  });

  it('cancels an operation that was not yet submitted when it came', async () => {
    const terminal = new FakeTerminal();
    terminal.application.isEndless = true;
    const exitCode = terminal.run('image', 'create', 'web-1', '--name', 'x');
    await expect.poll(() => terminal.interrupts.isHeard).toBe(true);
    terminal.interrupts.send();
    expect(await exitCode).toBe(130);
    expect(terminal.application.cancelled).toEqual(['op-1']);
  });

  it('stops a delete of several after the one that it cancelled', async () => {
    const terminal = new FakeTerminal();
    terminal.application.isEndless = true;
    const exitCode = terminal.run('image', 'delete', 'a', 'b');
    await expect.poll(() => terminal.application.watchers).toBe(1);
    terminal.interrupts.send();
    expect(await exitCode).toBe(130);
    expect(terminal.application.submitted).toHaveLength(1);
  });

  it('is left to its default in commands that read', async () => {
    const terminal = new FakeTerminal();
    await terminal.application.operations.submit({ kind: 'image.delete', image: 'x' });
    const exitCode = terminal.run('operation', 'watch', 'op-1');
    expect(terminal.interrupts.isHeard).toBe(false);
    expect(await exitCode).toBe(0);
    expect(terminal.application.cancelled).toEqual([]);
  });
});
