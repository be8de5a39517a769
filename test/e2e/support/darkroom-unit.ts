import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { CommandResult } from './run-command.ts';
import type { SystemdHost } from './systemd-host.ts';
import { waitUntil } from './wait-until.ts';

export const UNIT = 'darkroom.service';
export const SETTINGS_FILE = '/etc/darkroom/darkroom.yaml';
const SOCKET = '/run/darkroom/agent.sock';

/** Properties of the unit as `systemctl show` prints them. */
export async function showUnit<Name extends string>(
  host: SystemdHost,
  names: readonly Name[],
): Promise<Readonly<Record<Name, string>>> {
  const printed = await host.run('systemctl', ['show', UNIT, `--property=${names.join(',')}`]);
  const values = new Map(printed.split('\n').map((line) => [line.split('=', 1)[0] ?? '', line.replace(/^[^=]*=/, '')]));
  const pairs = names.map((name) => [name, values.get(name) ?? '']);
  return z.record(z.enum(names), z.string()).parse(Object.fromEntries(pairs));
}

/** Starts or restarts the unit; where it does not come up, its journal says why. */
export async function startUnit(host: SystemdHost, verb: 'start' | 'restart' = 'start'): Promise<void> {
  // many starts in a short time are what tests do
  await host.run('systemctl', ['reset-failed', UNIT]);
  if ((await host.try('systemctl', [verb, UNIT])).exitCode === 0) return;
  throw new Error(await host.run('journalctl', ['-u', UNIT, '-n', '30', '--no-pager', '-o', 'cat']));
}

/** Of the agent, as it is inside. */
export async function mainPid(host: SystemdHost): Promise<string> {
  return (await showUnit(host, ['MainPID'])).MainPID;
}

/** What GET /healthz answers; 000 when nobody does. */
export async function askHealth(host: SystemdHost, timeoutSeconds = 30): Promise<string> {
  const args = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-m', String(timeoutSeconds), '--unix-socket', SOCKET];
  return (await host.try('curl', [...args, 'http://localhost/healthz'])).stdout;
}

/** Until another process than this one is the agent, and says that it is ready. */
export async function waitForSuccessor(host: SystemdHost, pid: string, timeoutMs = 30_000): Promise<void> {
  const isThere = async (): Promise<boolean> => {
    const unit = await showUnit(host, ['MainPID', 'ActiveState']);
    return unit.ActiveState === 'active' && unit.MainPID !== pid;
  };
  await waitUntil('another agent is active', isThere, { timeoutMs });
}

/** A drop-in; the agent is restarted with it. */
export async function changeUnit(host: SystemdHost, lines: readonly string[]): Promise<void> {
  const folder = `/etc/systemd/system/${UNIT}.d`;
  await host.run('mkdir', ['-p', folder]);
  await writeFile(host.pathOf(`${folder}/test.conf`), ['[Service]', ...lines, ''].join('\n'));
  await host.run('systemctl', ['daemon-reload']);
  await startUnit(host, 'restart');
}

export async function changeSettings(host: SystemdHost, lines: readonly string[]): Promise<void> {
  await writeFile(host.pathOf(SETTINGS_FILE), [...lines, ''].join('\n'));
}

export async function readSettings(host: SystemdHost): Promise<string> {
  return await readFile(host.pathOf(SETTINGS_FILE), 'utf8');
}

const entrySchema = z.record(z.string(), z.unknown());

/** Entries of the agent's journal, oldest first, with all fields. */
export async function readJournal(
  host: SystemdHost,
  matches: readonly string[] = [],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const lines = await host.run('journalctl', ['-u', UNIT, '-o', 'json', '--no-pager', ...matches]);
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => entrySchema.parse(JSON.parse(line)));
}

/** Until the agent has taken over what the settings say now. */
export async function reloadUnit(host: SystemdHost): Promise<void> {
  const count = async (): Promise<number> =>
    (await readJournal(host)).filter((entry) => String(entry['MESSAGE']).startsWith('settings reloaded')).length;
  const before = await count();
  await host.run('systemctl', ['reload', UNIT]);
  await waitUntil('the settings are reloaded', async () => (await count()) > before, { timeoutMs: 60_000 });
}

/** A Darkroom command inside. */
export function tryDarkroom(host: SystemdHost, args: readonly string[]): Promise<CommandResult> {
  return host.try('darkroom', args);
}

/** With --json; it must succeed. */
export async function darkroomJson(host: SystemdHost, args: readonly string[]): Promise<unknown> {
  return JSON.parse(await host.run('darkroom', [...args, '--json']));
}
