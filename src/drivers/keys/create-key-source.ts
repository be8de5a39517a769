import { CommandFailed, CommandMissing, CommandTimedOut } from '../../lib/command-errors.ts';
import { NotPrivate, readPrivateFile } from '../../lib/read-private-file.ts';
import { runCommand } from '../../lib/run-command.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { DiskKey, KeySource } from '../../model/ports/key-source.ts';
import { concealKey } from './conceal-key.ts';

export interface KeyPlaces {
  /** A file that nobody but its owner can read. */
  readonly keyFile: string | null;
  /** A program that prints the key. */
  readonly keyCommand: string | null;
}

const COMMAND_TIMEOUT_MS = 10_000;
/** More than the longest key: what is longer is refused, not read. */
const MAX_OUTPUT_BYTES = 64 * 1024;
const MIN_LENGTH = 16;
const MAX_LENGTH = 1024;

/**
 * The key from a file, or printed by a command (10 seconds, no arguments): 16 to 1024 printable ASCII characters, one
 * line end after them is not part of it. Places are asked for at every reading. ENCRYPTION_KEY_MISSING names the place
 * and what is wrong with it, never what it holds or what a command said.
 */
export function createKeySource(
  places: () => KeyPlaces,
  { commandTimeoutMs = COMMAND_TIMEOUT_MS }: { readonly commandTimeoutMs?: number } = {},
): KeySource {
  return {
    get isConfigured() {
      const { keyFile, keyCommand } = places();
      return keyFile !== null || keyCommand !== null;
    },
    read: () => readKey(places(), commandTimeoutMs),
  };
}

async function readKey({ keyFile, keyCommand }: KeyPlaces, timeoutMs: number): Promise<DiskKey> {
  if (keyFile !== null && keyCommand !== null) {
    throw missing('encryption.key_file and encryption.key_command are both configured: leave one of them out');
  }
  if (keyFile !== null) return judge(await readFile(keyFile), `encryption.key_file ${keyFile}`);
  if (keyCommand !== null)
    return judge(await runKeyCommand(keyCommand, timeoutMs), `encryption.key_command ${keyCommand}`);
  throw missing('no key for encrypted snapshots is configured: set encryption.key_file or encryption.key_command');
}

async function readFile(keyFile: string): Promise<string> {
  try {
    return await readPrivateFile(keyFile);
  } catch (error) {
    if (!(error instanceof NotPrivate)) throw error;
    throw missing(`encryption.key_file ${keyFile} ${error.message}`, error);
  }
}

async function runKeyCommand(keyCommand: string, timeoutMs: number): Promise<string> {
  try {
    const options = { timeoutMs, maxOutputBytes: MAX_OUTPUT_BYTES, outputGraceMs: 1000 };
    return (await runCommand({ file: keyCommand, args: [], ...options })).stdout;
  } catch (error) {
    const reason = describeFailure(error);
    if (reason === null) throw error;
    // without its cause: what the command printed could be the key
    throw missing(`encryption.key_command ${keyCommand} ${reason}`);
  }
}

function describeFailure(error: unknown): string | null {
  if (error instanceof CommandMissing) return 'is not there or cannot be run';
  if (error instanceof CommandTimedOut) return `did not end within ${error.timeoutMs / 1000} s`;
  if (!(error instanceof CommandFailed)) return null;
  return error.exitCode === null
    ? 'was ended, could not be run or printed far more than a key'
    : `ended with exit code ${error.exitCode}`;
}

function judge(text: string, place: string): DiskKey {
  const key = text.replace(/\r?\n$/, '');
  if (key.length < MIN_LENGTH || key.length > MAX_LENGTH) {
    throw missing(`${place} must hold ${MIN_LENGTH} to ${MAX_LENGTH} characters, and holds ${key.length}`);
  }
  if (!/^[\x20-\x7e]+$/.test(key)) throw missing(`${place} holds more than one line of printable ASCII characters`);
  return concealKey(key);
}

function missing(message: string, cause?: Error): DarkroomError {
  return new DarkroomError('ENCRYPTION_KEY_MISSING', message, cause === undefined ? {} : { cause });
}
