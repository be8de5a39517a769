import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { sampleImage, sampleInstance } from '../../unit/agent/samples.ts';
import { FakeTerminal } from '../../unit/cli/fake-terminal.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'dr-cl-'));
afterAll(() => rmSync(folder, { recursive: true }));

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ5dGVzLXRoYXQtYXJlLW5vLXJlYWwta2V5LWF0LWFsbA me@here';
const keyFile = path.join(folder, 'id.pub');
writeFileSync(keyFile, `# mine\n${KEY}\n\n`);
const userDataFile = path.join(folder, 'user-data');
writeFileSync(userDataFile, '#cloud-config\n');

const defaults = {
  launch: {
    kind: 'instance.launch',
    name: 'web-2',
    image: 'golden',
    memoryMiB: null,
    vcpus: null,
    clone: null,
    isStarted: true,
    network: null,
    sshKeys: [],
    userData: null,
  },
  create: {
    kind: 'image.create',
    instance: 'web-1',
    name: 'golden',
    consistency: 'auto',
    description: null,
    properties: {},
    isGeneralized: false,
    isEncrypted: false,
  },
  import: { kind: 'image.import', path: '/srv/x.qcow2', name: 'x', format: null, description: null, properties: {} },
  verify: { kind: 'image.verify', image: 'golden', isBooted: false, expect: null, timeoutMs: 300_000 },
};

const SUBMITTED: readonly (readonly [line: string, request: object])[] = [
  ['image create web-1 --name golden', defaults.create],
  [
    'image create 7 --name 1e3 --consistency crash --description d --property a=1 --property b=c=d --generalize',
    {
      ...defaults.create,
      instance: '7',
      name: '1e3',
      consistency: 'crash',
      description: 'd',
      properties: { a: '1', b: 'c=d' },
      isGeneralized: true,
    },
  ],
  ['image create web-1 --name golden --encrypt', { ...defaults.create, isEncrypted: true }],
  ['image verify golden', defaults.verify],
  [
    'image verify golden --boot --expect login: --timeout 1.5',
    { ...defaults.verify, isBooted: true, expect: 'login:', timeoutMs: 1500 },
  ],
  ['image delete golden', { kind: 'image.delete', image: 'golden' }],
  ['image delete --purge golden', { kind: 'image.delete', image: 'golden', isPurged: true }],
  ['image export golden /srv/x', { kind: 'image.export', image: 'golden', path: '/srv/x', format: null }],
  [
    'image export golden x --format raw',
    { kind: 'image.export', image: 'golden', path: path.resolve('x'), format: 'raw' },
  ],
  ['image import /srv/x.qcow2 --name x', defaults.import],
  [
    'image import /srv/x.qcow2 --name x --format vhdx --machine pc --firmware uefi --cpu Nehalem --nic-model e1000 --disk-bus ide --property os_distro=debian',
    {
      ...defaults.import,
      format: 'vhdx',
      properties: {
        os_distro: 'debian',
        hw_machine_type: 'pc',
        hw_firmware_type: 'uefi',
        hw_cpu_mode: 'custom',
        hw_cpu_model: 'Nehalem',
        hw_vif_model: 'e1000',
        hw_disk_bus: 'ide',
      },
    },
  ],
  [
    'image import /srv/x.qcow2 --name x --cpu host-model',
    { ...defaults.import, properties: { hw_cpu_mode: 'host-model' } },
  ],
  ['instance launch web-2 --image golden', defaults.launch],
  [
    `instance launch web-2 --image golden --memory 512 --vcpus 2 --clone full --no-start --network lab --ssh-key ${keyFile} --ssh-key ${keyFile} --user-data ${userDataFile}`,
    {
      ...defaults.launch,
      memoryMiB: 512,
      vcpus: 2,
      clone: 'full',
      isStarted: false,
      network: 'lab',
      sshKeys: [KEY, KEY],
      userData: '#cloud-config\n',
    },
  ],
  ['instance delete web-1', { kind: 'instance.delete', instance: 'web-1', isForced: false }],
  ['instance delete web-1 --force', { kind: 'instance.delete', instance: 'web-1', isForced: true }],
  ['instance start web-1', { kind: 'instance.start', instance: 'web-1' }],
  ['instance pause web-1', { kind: 'instance.pause', instance: 'web-1' }],
  ['instance resume web-1', { kind: 'instance.resume', instance: 'web-1' }],
  ['instance suspend web-1', { kind: 'instance.suspend', instance: 'web-1' }],
  ['instance stop web-1', { kind: 'instance.stop', instance: 'web-1', isForced: false, timeoutMs: 60_000 }],
  [
    'instance stop web-1 --force --timeout 0',
    { kind: 'instance.stop', instance: 'web-1', isForced: true, timeoutMs: 0 },
  ],
  ['instance reboot web-1 --force', { kind: 'instance.reboot', instance: 'web-1', isForced: true, timeoutMs: 60_000 }],
];

describe('commands that do work', () => {
  it.each(SUBMITTED)('%s', async (line, request) => {
    const terminal = new FakeTerminal();
    const exitCode = await terminal.run(...line.split(' '));
    expect(terminal.stderr.text).not.toContain('error');
    expect(exitCode).toBe(0);
    expect(terminal.application.submitted).toEqual([request]);
    expect(terminal.stdout.text).not.toBe('');
    expect(terminal.application.disposals).toBe(1);
  });

  it.each([
    ['image create web-1 --name x', sampleImage],
    ['image import /x --name x', sampleImage],
    ['image verify web-golden', sampleImage],
    ['image set web-golden --protected', sampleImage],
    ['instance launch web-1 --image web-golden', sampleInstance],
    ['instance stop web-1', sampleInstance],
    ['instance start web-1', sampleInstance],
  ])('prints what it made as one JSON document: %s', async (line, expected) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run(...line.split(' '), '--json')).toBe(0);
    expect(terminal.json).toEqual(expected);
    expect(terminal.jsonLines.length).toBeGreaterThanOrEqual(0);
  });

  it('prints the operation where nothing of ours was made', async () => {
    const terminal = new FakeTerminal();
    await terminal.run('image', 'export', 'web-golden', '/x', '--json');
    expect(terminal.json).toMatchObject({ kind: 'image.export', status: 'succeeded' });
  });

  it('tells of a capture in one line: id, size, consistency, frozen time, total time', async () => {
    const terminal = new FakeTerminal();
    await terminal.run('image', 'create', 'web-1', '--name', 'web-golden');
    expect(terminal.stdout.text).toBe(
      `image web-golden (${sampleImage.id}): 1.5 GiB of 8.0 GiB, consistency quiesced (frozen 147 ms), 4.2 s in total\n`,
    );
  });

  it('tells warnings on stderr', async () => {
    const terminal = new FakeTerminal();
    terminal.application.script = (running) => [
      { ...running, status: 'succeeded', result: { imageId: sampleImage.id }, warnings: ['the CD-ROM stayed behind'] },
    ];
    await terminal.run('image', 'create', 'web-1', '--name', 'x');
    expect(terminal.stderr.text).toContain('warning: the CD-ROM stayed behind');
  });

  it('prints the operation at once with --no-wait when there is an agent', async () => {
    const terminal = new FakeTerminal();
    terminal.isAgent = true;
    expect(await terminal.run('image', 'create', 'web-1', '--name', 'x', '--no-wait', '--json')).toBe(0);
    expect(terminal.json).toMatchObject({ id: 'op-1', status: 'running' });
    expect(terminal.application.watchers).toBe(0);
  });

  it.each([
    'image import /srv/x.qcow2 --name x',
    'image export web-golden /srv/x',
    'image verify web-golden',
    'image delete web-golden',
    'instance launch web-2 --image web-golden',
    'instance shelve web-1',
    'instance offload web-1',
    'instance unshelve web-1',
  ])('does not wait for %s with --no-wait', async (line) => {
    const terminal = new FakeTerminal();
    terminal.isAgent = true;
    expect(await terminal.run(...line.split(' '), '--no-wait')).toBe(0);
    expect(terminal.stdout.text).toMatch(/^operation op-1 \(.*\): running\n$/);
    expect(terminal.application.submitted).toHaveLength(1);
    const alone = new FakeTerminal();
    expect(await alone.run(...line.split(' '), '--no-wait')).toBe(7);
    expect(alone.application.submitted).toEqual([]);
  });

  it('refuses --no-wait without an agent, before anything is submitted', async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run('image', 'create', 'web-1', '--name', 'x', '--no-wait')).toBe(7);
    expect(terminal.application.submitted).toEqual([]);
  });
});

describe('image delete of several', () => {
  it('goes on after one that fails, and ends with the exit code of the first failure', async () => {
    const terminal = new FakeTerminal();
    terminal.application.script = (running, request) => {
      const image = 'image' in request ? request.image : '';
      if (image === 'good') return [{ ...running, status: 'succeeded' }];
      const code = image === 'used' ? 'IMAGE_IN_USE' : 'STORE_WRITE_FAILED';
      return [{ ...running, status: 'failed', error: { code, message: `${image} stays` } }];
    };
    expect(await terminal.run('image', 'delete', 'used', 'good', 'stuck', '--json')).toBe(4);
    expect(terminal.json).toMatchObject([{ target: 'good', status: 'succeeded' }]);
    expect(terminal.jsonLines).toMatchObject(
      expect.arrayContaining([expect.objectContaining({ error: expect.objectContaining({ code: 'IMAGE_IN_USE' }) })]),
    );
    expect(terminal.application.submitted).toHaveLength(3);
  });

  it('leaves them all to the agent with --no-wait, and tells of one that was not taken', async () => {
    const terminal = new FakeTerminal();
    terminal.isAgent = true;
    expect(await terminal.run('image', 'delete', 'one', 'other', '--no-wait', '--json')).toBe(0);
    expect(terminal.json).toMatchObject([
      { target: 'one', status: 'running' },
      { target: 'other', status: 'running' },
    ]);
    expect(terminal.application.watchers).toBe(0);
    terminal.application.failure = new DarkroomError('IMAGE_NOT_FOUND', 'it is not there');
    expect(await terminal.run('image', 'delete', 'gone', '--no-wait')).toBe(3);
  });
});
