import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { getPriority } from 'node:os';
import path from 'node:path';
import { CommandCancelled, CommandFailed, CommandMissing, CommandTimedOut } from './command-errors.ts';
import { splitLines } from './split-lines.ts';
import { Turns } from './turns.ts';

export interface Command {
  /** A name looked up in PATH, or an absolute path. */
  readonly file: string;
  readonly args: readonly string[];
  /** Ends the command: SIGTERM, and SIGKILL five seconds later. The call returns when the process is gone. */
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Every finished line as it comes; a carriage return ends a line too, as progress meters print it. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Called once, with the pid of the command itself. */
  readonly onStart?: (pid: number) => void;
  /** Written to stdin, which then stays open until the command ends or we do. Without it stdin is empty. */
  readonly heldInput?: string;
  /** Called once with what writes to stdin, which stays open until the command ends or we do; what it no longer reads is lost. */
  readonly onInput?: (write: (text: string) => void) => void;
  /** Written to stdin, which then ends; a command that does not read it is no failure. */
  readonly input?: string;
  /** Scheduling priority, -20 to 19, through nice(1); as this process itself where that is not installed. */
  readonly nice?: number;
  /** ioprio_set(2) through ionice(1), best-effort at its lowest level; as this process itself where that is not installed. */
  readonly ioClass?: 'best-effort' | 'idle';
  /** Added to this process' environment. LC_ALL is always C. */
  readonly env?: Readonly<Record<string, string>>;
  /** The whole environment but for LC_ALL, in the place of this process' own. */
  readonly wholeEnv?: Readonly<Record<string, string>>;
  /** Exit codes that are answers, not failures. Only 0 by default. */
  readonly acceptExitCodes?: readonly number[];
  /** For each of stdout and stderr; a command that says more is ended and has failed. 32 MiB by default. */
  readonly maxOutputBytes?: number;
  /** How long after its end its output is waited for, which something that it left behind may hold open; for ever by default. */
  readonly outputGraceMs?: number;
}

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  readonly durationMs: number;
  /** The kernel ends the command when this process dies. False only where setpriv is not installed. */
  readonly diesWithUs: boolean;
}

/** To start a process takes ten milliseconds of the event loop, of which a process has one. */
const turns = new Turns();

/** Where programs were found, by name and PATH, as a shell remembers them; each is looked at again before it is run. */
const knownPrograms = new Map<string, string>();

const KILL_DELAY_MS = 5_000;
const DEFAULT_MAX_OUTPUT_BYTES = 32 * 1024 * 1024;

/**
 * Runs a program without a shell and waits until it is gone. It is started through setpriv, so that the kernel kills
 * it when this process dies for whatever reason (PR_SET_PDEATHSIG, prctl(2)): call it from the main thread, since the
 * end of the calling thread counts as death. Throws CommandFailed, CommandMissing, CommandCancelled, CommandTimedOut.
 */
export async function runCommand(command: Command): Promise<CommandResult> {
  if (command.signal?.aborted === true) throw new CommandCancelled(command.file);
  const program = await findProgram(command.file);
  if (program === null) throw new CommandMissing(command.file);
  const setpriv = await findProgram('setpriv');
  const { file, args } = chainPrograms([
    { file: setpriv, args: ['--pdeathsig', 'KILL', '--'] },
    await findNice(command.nice),
    await findIonice(command.ioClass),
    { file: program, args: command.args },
  ]);
  // loaded with the first command: what runs none starts faster
  const { execa } = await import('execa');
  await turns.take();
  const running = execa(file, args, execaOptions(command));
  followLines(running, command.onLine);
  if (command.outputGraceMs !== undefined) endOutput(running, command.outputGraceMs);
  try {
    if (command.heldInput !== undefined) running.stdin?.write(command.heldInput);
    if (command.onInput !== undefined) offerInput(running.stdin, command.onInput);
    reportStart(running.pid, command);
  } catch (error) {
    running.kill('SIGKILL');
    await running;
    throw error;
  }
  const outcome = await running;
  throwOnFailure(command, outcome);
  return {
    stdout: outcome.stdout,
    stderr: outcome.stderr,
    exitCode: outcome.exitCode ?? 0,
    durationMs: outcome.durationMs,
    diesWithUs: setpriv !== null,
  };
}

interface Link {
  /** null: left out. */
  readonly file: string | null;
  readonly args: readonly string[];
}

/** Each one becomes the next by execve(2): same process, same pid, with what the one before has set. */
function chainPrograms(links: readonly Link[]): { readonly file: string; readonly args: readonly string[] } {
  const [file = '', ...args] = links.flatMap((link) => (link.file === null ? [] : [link.file, ...link.args]));
  return { file, args };
}

/** Before the program begins: later it would miss the threads that are there by then. nice(1) adds to what this process has. */
async function findNice(nice: number | undefined): Promise<Link> {
  const step = nice === undefined ? 0 : nice - getPriority();
  return { file: step === 0 ? null : await findProgram('nice'), args: ['-n', String(step)] };
}

/** A class that cannot be set is not worth the command: `-t`. */
async function findIonice(ioClass: Command['ioClass']): Promise<Link> {
  const level = ioClass === 'idle' ? ['-c', '3'] : ['-c', '2', '-n', '7'];
  return { file: ioClass === undefined ? null : await findProgram('ionice'), args: ['-t', ...level] };
}

/** Absolute path of a program, looked up in PATH as execvp(3) does; null when there is none to run. */
export async function findProgram(file: string): Promise<string | null> {
  if (file.includes('/')) return (await isExecutable(file)) ? file : null;
  const searched = process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin';
  const known = knownPrograms.get(`${file}:${searched}`);
  if (known !== undefined && (await isExecutable(known))) return known;
  for (const directory of searched.split(':')) {
    const candidate = path.join(directory === '' ? '.' : directory, file);
    if (!(await isExecutable(candidate))) continue;
    const found = path.resolve(candidate);
    knownPrograms.set(`${file}:${searched}`, found);
    return found;
  }
  return null;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

function execaOptions(command: Command) {
  return {
    reject: false,
    stdin: [command.heldInput, command.input, command.onInput].every((given) => given === undefined)
      ? 'ignore'
      : 'pipe',
    stripFinalNewline: false,
    env: { ...(command.wholeEnv ?? command.env), LC_ALL: 'C' },
    extendEnv: command.wholeEnv === undefined,
    ...(command.input === undefined ? {} : { input: command.input }),
    forceKillAfterDelay: KILL_DELAY_MS,
    maxBuffer: command.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES,
    ...(command.signal === undefined ? {} : { cancelSignal: command.signal }),
    ...(command.timeoutMs === undefined ? {} : { timeout: command.timeoutMs }),
  } as const;
}

interface Ending {
  readonly stdout: { destroy(): unknown };
  readonly stderr: { destroy(): unknown };
  once(event: 'exit', listener: () => void): unknown;
}

function endOutput(running: Ending, graceMs: number): void {
  const end = () => {
    running.stdout.destroy();
    running.stderr.destroy();
  };
  running.once('exit', () => setTimeout(end, graceMs).unref());
}

interface OutputStream {
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
}

function followLines(
  running: { readonly stdout: OutputStream; readonly stderr: OutputStream },
  onLine: Command['onLine'],
): void {
  if (onLine === undefined) return;
  for (const name of ['stdout', 'stderr'] as const) {
    const splitter = splitLines((line) => onLine(line, name));
    running[name].on('data', (chunk) => splitter.push(chunk));
    running[name].on('end', () => splitter.end());
  }
}

interface InputStream {
  readonly writable: boolean;
  write(text: string): unknown;
  on(event: 'error', listener: () => void): unknown;
}

function offerInput(stdin: InputStream | null | undefined, onInput: (write: (text: string) => void) => void): void {
  // That it has ended meanwhile is seen by its end.
  stdin?.on('error', () => undefined);
  onInput((text) => {
    if (stdin?.writable === true) stdin.write(text);
  });
}

function reportStart(pid: number | undefined, command: Command): void {
  if (pid === undefined) return;
  command.onStart?.(pid);
}

interface Outcome {
  readonly isCanceled: boolean;
  readonly timedOut: boolean;
  readonly isMaxBuffer: boolean;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly stderr: string;
  readonly cause?: unknown;
}

function throwOnFailure(command: Command, outcome: Outcome): void {
  if (outcome.isCanceled) throw new CommandCancelled(command.file);
  if (outcome.timedOut) throw new CommandTimedOut(command.file, command.timeoutMs ?? 0);
  const isAccepted = outcome.exitCode !== undefined && (command.acceptExitCodes ?? [0]).includes(outcome.exitCode);
  if (isAccepted && !outcome.isMaxBuffer) return;
  throw new CommandFailed(command, {
    exitCode: outcome.exitCode ?? null,
    signal: outcome.signal ?? null,
    stderr: outcome.stderr,
    ...(outcome.isMaxBuffer ? { reason: 'printed more than it may and was stopped' } : {}),
  });
}
