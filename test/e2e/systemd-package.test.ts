import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  askHealth,
  mainPid,
  readSettings,
  SETTINGS_FILE,
  showUnit,
  startUnit,
  tryDarkroom,
  UNIT,
} from './support/darkroom-unit.ts';
import { aptGet, bootSystemdHost, bringPackage, type SystemdHost } from './support/systemd-host.ts';

const STATE_DIR = '/var/lib/darkroom';
const IMAGE = `${STATE_DIR}/store/images/3f1c1d5e-5a6b-4c7d-8e9f-000000000001`;

describe('the Debian package, on a host with systemd', () => {
  let host: SystemdHost;
  let deb: string;
  let before: readonly string[];

  beforeAll(async () => {
    host = await bootSystemdHost();
    deb = await bringPackage(host);
    before = await listNamed(host);
  });
  afterAll(async () => {
    await host?.[Symbol.asyncDispose]();
  });

  it('installs without a network, and leaves an agent that answers', async () => {
    await aptGet(host, ['install', '--no-install-recommends', deb]);
    expect(await showUnit(host, ['ActiveState', 'UnitFileState'])).toEqual({
      ActiveState: 'active',
      UnitFileState: 'enabled',
    });
    expect(await askHealth(host)).toBe('200');
    expect(await tryDarkroom(host, ['agent', 'status'])).toMatchObject({ exitCode: 0 });
  });

  it('keeps the socket to root and its group, and lets QEMU pass to the disks', async () => {
    const rights = ['-c', '%a %U:%G', '/run/darkroom/agent.sock', '/run/darkroom', STATE_DIR];
    expect(await host.run('stat', rights)).toBe('660 root:darkroom\n755 root:root\n711 root:root\n');
  });

  it('brings a Node.js of its own, whatever the host has', async () => {
    expect((await host.try('node', ['--version'])).exitCode).not.toBe(0);
    expect(await host.run('/usr/lib/darkroom/node', ['--version'])).toMatch(/^v24\./);
    expect(await host.run('darkroom', ['--version'])).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await host.run('dpkg', ['--verify', 'darkroom'])).toBe('');
  });

  it('documents every command in its manual page, and completes them', async () => {
    const manual = gunzipSync(await readFile(host.pathOf('/usr/share/man/man8/darkroom.8.gz'))).toString();
    const titles = [...manual.matchAll(/^\.SS darkroom ([a-z]+(?: [a-z]+)?)/gm)].map(([, words]) => words);
    const some = ['image create', 'instance launch', 'operation cancel', 'agent run', 'doctor', 'completion'];
    expect(titles).toEqual(expect.arrayContaining(some));
    const complete = 'source /usr/share/bash-completion/completions/darkroom && complete -p darkroom';
    expect(await host.run('bash', ['-c', complete])).toContain('_darkroom_yargs_completions darkroom');
  });

  it('has settings that all are comments, and valid when they are none', async () => {
    const settings = await readSettings(host);
    expect(settings.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
    const values = settings.replaceAll(/^#(?! )/gm, '').replaceAll(/^#( {2}[a-z])/gm, '$1');
    expect(values).toContain('\nstate_dir: ');
    expect(values).toContain('\n  virt_type: ');
    await writeFile(host.pathOf('/tmp/all.yaml'), values);
    await host.run('darkroom', ['instance', 'list', '--config', '/tmp/all.yaml']);
  });

  it('is exposed at most 4.0, as systemd counts', async () => {
    const result = await host.try('systemd-analyze', ['security', '--no-pager', '--threshold=40', UNIT]);
    expect(result.exitCode, result.stdout).toBe(0);
    expect((await host.try('systemd-analyze', ['verify', '--man=no', UNIT])).stderr).not.toMatch(/darkroom/);
  });

  it('has no mount of its own over the disks, which would turn moves into copies', async () => {
    const mounts = await host.run('cat', [`/proc/${await mainPid(host)}/mountinfo`]);
    expect(mounts).not.toMatch(/ \/(var|home|srv|tmp)[/ ].* - overlay/);
  });

  it('works where the folder of its state is a link to a bigger disk', async () => {
    await host.run('systemctl', ['stop', UNIT]);
    await host.run('mv', [STATE_DIR, '/srv/elsewhere']);
    await host.run('ln', ['-s', '/srv/elsewhere', STATE_DIR]);
    await startUnit(host);
    expect(await askHealth(host)).toBe('200');
    await host.run('systemctl', ['stop', UNIT]);
    await host.run('rm', [STATE_DIR]);
    await host.run('mv', ['/srv/elsewhere', STATE_DIR]);
    await startUnit(host);
  });

  it('is upgraded with changed settings kept, and another agent after it', async () => {
    const changed = `${await readSettings(host)}log_level: debug\n`;
    await writeFile(host.pathOf(SETTINGS_FILE), changed);
    const pid = await mainPid(host);
    await aptGet(host, ['install', '--reinstall', '--no-install-recommends', deb]);
    expect(await readSettings(host)).toBe(changed);
    expect(await askHealth(host)).toBe('200');
    expect(await mainPid(host)).not.toBe(pid);
  });

  it('is removed with its settings and journal kept', async () => {
    await aptGet(host, ['remove', 'darkroom']);
    expect((await host.try('systemctl', ['is-active', UNIT])).exitCode).not.toBe(0);
    expect(await readSettings(host)).toContain('log_level: debug');
    expect(await readdir(host.pathOf(STATE_DIR))).toContain('state.db');
    expect(await readdir(host.pathOf('/run'))).not.toContain('darkroom');
  });

  it('is purged, but for the images and disks that it names', async () => {
    await aptGet(host, ['install', '--no-install-recommends', deb]);
    await mkdir(host.pathOf(IMAGE), { recursive: true });
    await writeFile(host.pathOf(`${IMAGE}/disk-vda.qcow2`), 'worth money');
    await chmod(host.pathOf(IMAGE), 0o711);
    const told = await aptGet(host, ['purge', 'darkroom']);
    expect(told).toContain(`${STATE_DIR}/store is kept`);
    expect(await readFile(host.pathOf(`${IMAGE}/disk-vda.qcow2`), 'utf8')).toBe('worth money');
    expect(await readdir(host.pathOf(STATE_DIR))).toEqual(['store']);
    expect(await listNamed(host)).toEqual([...before, STATE_DIR].sort());
    expect((await host.try('getent', ['group', 'darkroom'])).exitCode).toBe(2);
  });

  it('leaves nothing at all where there was no image', async () => {
    await host.run('rm', ['-r', STATE_DIR]);
    await aptGet(host, ['install', '--no-install-recommends', deb]);
    expect((await stat(host.pathOf(STATE_DIR))).isDirectory()).toBe(true);
    const told = await aptGet(host, ['purge', 'darkroom']);
    expect(told).not.toContain('is kept');
    expect(await listNamed(host)).toEqual(before);
  });
});

/** All that has the name of the package, anywhere on the host's own file system. */
async function listNamed(host: SystemdHost): Promise<readonly string[]> {
  const found = await host.run('find', ['/', '/run', '-xdev', '-name', '*darkroom*', '-prune', '-print']);
  const isOfApt = (file: string): boolean => file === '' || /^\/var\/(log|cache)\/|^\/run\/systemd\//.test(file);
  return found
    .split('\n')
    .filter((file) => !isOfApt(file))
    .sort();
}
