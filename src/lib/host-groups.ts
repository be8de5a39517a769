import { readFile } from 'node:fs/promises';
import { CommandMissing } from './command-errors.ts';
import { runCommand } from './run-command.ts';

const GETENT_NOT_FOUND = 2;

/** Number of a group of /etc/group, or of whatever else the host's name service knows; null when there is none. */
export async function lookUpHostGroup(name: string): Promise<number | null> {
  return findGroupEntry(await readFile('/etc/group', 'utf8'), name) ?? (await askNameService(name));
}

/** The number of `name` in text of the format of group(5): name:password:gid:members. */
function findGroupEntry(text: string, name: string): number | null {
  for (const line of text.split('\n')) {
    const [group, , gid] = line.split(':');
    if (group === name && gid !== undefined && /^\d+$/.test(gid)) return Number(gid);
  }
  return null;
}

async function askNameService(name: string): Promise<number | null> {
  // getent looks a number up as a gid.
  if (name === '' || /^\d+$/.test(name)) return null;
  const args = ['group', '--', name];
  try {
    const acceptExitCodes = [0, GETENT_NOT_FOUND];
    const { stdout } = await runCommand({ file: 'getent', args, acceptExitCodes, timeoutMs: 10_000 });
    return findGroupEntry(stdout, name);
  } catch (error) {
    if (error instanceof CommandMissing) return null;
    throw error;
  }
}
