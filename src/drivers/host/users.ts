import { readFile } from 'node:fs/promises';
import { CommandMissing } from '../../lib/command-errors.ts';
import { runCommand } from '../../lib/run-command.ts';

export interface HostUser {
  readonly uid: number;
  readonly gid: number;
}

const GETENT_NOT_FOUND = 2;

/** A user of /etc/passwd, or of whatever else the host's name service knows; null when there is none. */
export async function lookUpHostUser(name: string): Promise<HostUser | null> {
  return findPasswdEntry(await readFile('/etc/passwd', 'utf8'), name) ?? (await askNameService(name));
}

/** The entry of `name` in text of the format of passwd(5). */
export function findPasswdEntry(text: string, name: string): HostUser | null {
  for (const line of text.split('\n')) {
    const [user, , uid, gid] = line.split(':');
    if (user === name && isNumber(uid) && isNumber(gid)) return { uid: Number(uid), gid: Number(gid) };
  }
  return null;
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d+$/.test(text);
}

async function askNameService(name: string): Promise<HostUser | null> {
  // getent looks a number up as a uid.
  if (name === '' || isNumber(name)) return null;
  try {
    const args = ['passwd', '--', name];
    const { stdout } = await runCommand({
      file: 'getent',
      args,
      acceptExitCodes: [0, GETENT_NOT_FOUND],
      timeoutMs: 10_000,
    });
    return findPasswdEntry(stdout, name);
  } catch (error) {
    if (error instanceof CommandMissing) return null;
    throw error;
  }
}
