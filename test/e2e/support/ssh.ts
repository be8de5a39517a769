import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from './run-command.ts';
import { waitUntil } from './wait-until.ts';

export interface SshKey {
  /** Path of the private key. */
  readonly file: string;
  /** One line, as in authorized_keys. */
  readonly publicKey: string;
}

export interface SshLogin {
  readonly address: string;
  readonly keyFile: string;
  readonly user?: string;
}

export async function createSshKey(folder: string): Promise<SshKey> {
  const file = path.join(folder, 'id_ed25519');
  await runCommand('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file]);
  return { file, publicKey: (await readFile(`${file}.pub`, 'utf8')).trim() };
}

/** Output of a command line that must succeed on the other side; host keys are not checked. */
export function runOverSsh(login: SshLogin, commandLine: string): Promise<string> {
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'BatchMode=yes'];
  const flags = [...options, 'ConnectTimeout=10'].flatMap((option) => ['-o', option]);
  const target = `${login.user ?? 'debian'}@${login.address}`;
  return runCommand('ssh', ['-F', 'none', ...flags, '-i', login.keyFile, target, commandLine]);
}

export function waitForSsh(login: SshLogin, timeoutMs = 240_000): Promise<void> {
  const answers = async (): Promise<boolean> => (await runOverSsh(login, 'true')) === '';
  return waitUntil(`ssh to ${login.address}`, answers, { timeoutMs, intervalMs: 1000 });
}
