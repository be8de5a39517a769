import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'dr-cli-backup-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The command line by itself, with libvirt's test driver and a state of its own. */
function run(args: readonly string[], locale = 'C.UTF-8') {
  const places = ['--connect', 'test:///default', '--state-dir', `${folder}/state`, '--store', `${folder}/store`];
  const env = { ...process.env, LC_ALL: locale };
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args, ...places], { env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('backups of a host where no agent runs', () => {
  it('are listed, planned and looked at', () => {
    expect(run(['backup', 'list', '--json'])).toEqual({ status: 0, stdout: '[]\n', stderr: '' });
    expect(run(['backup', 'plan', '--rotation', '3', '--json'])).toEqual({ status: 0, stdout: '[]\n', stderr: '' });
    const { status, stdout } = run(['backup', 'status', '--days', '3', '--json']);
    expect([status, JSON.parse(stdout)]).toMatchObject([0, [{ instanceName: 'test', lastBackup: null, alerts: [] }]]);
  });

  it('are drawn as the locale allows', () => {
    expect(run(['backup', 'status', 'test', '--days', '5']).stdout).toMatch(/^test +·{5} +never/m);
    expect(run(['backup', 'status', 'test', '--days', '5'], 'C').stdout).toMatch(/^test +\.{5} +never/m);
  });

  it('are not made of a guest whose disk is not there', () => {
    const { status, stderr } = run(['backup', 'create', 'test', '--type', 'daily', '--rotation', '7']);
    expect(status).toBe(5);
    expect(stderr).toContain('DISK_MISSING');
  });

  it.each([
    [['backup', 'create', 'test', '--type', 'daily', '--rotation', '-1'], 2],
    [['backup', 'create', 'test', '--type', 'daily'], 2],
    [['backup', 'create', 'none', '--type', 'daily', '--rotation', '7'], 3],
    [['backup', 'create', 'test', '--type', 'daily', '--rotation', '7', '--no-wait'], 7],
    [['backup', 'status', 'none'], 3],
    [['backup', 'plan', '--keep-daily', '7', '--timezone', 'Mars/Olympus'], 2],
  ])('end with the code of what is wrong: %j', (args, code) => {
    expect(run(args).status).toBe(code);
  });
});
