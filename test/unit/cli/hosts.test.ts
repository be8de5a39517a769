import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/agent/app.ts';
import { createClient } from '../../../src/api/client.ts';
import { createInjectTransport } from '../../../src/api/inject-transport.ts';
import { chooseHost } from '../../../src/cli/choose-host.ts';
import { askHosts, type FleetHost } from '../../../src/cli/fleet.ts';
import { listEverywhere, placeInstances } from '../../../src/cli/instance/list-everywhere.ts';
import { listOperationsEverywhere } from '../../../src/cli/list-operations-everywhere.ts';
import { openContext } from '../../../src/cli/open-context.ts';
import { createOutput } from '../../../src/cli/output.ts';
import { pathOnHost } from '../../../src/cli/path-on-host.ts';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { Instance } from '../../../src/model/instance.ts';
import { FakeApplication } from '../agent/fake-application.ts';
import { sampleInstance, sampleOperation } from '../agent/samples.ts';
import { FakeInterrupts, FakeStream, FakeTerminal } from './fake-terminal.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'dr-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('which host a command is for', () => {
  const json = { json: false };
  it.each([
    [{}, {}, null],
    [{ host: 'a' }, {}, 'a'],
    [{}, { DARKROOM_HOST: 'b' }, 'b'],
    [{}, { DARKROOM_HOST: '' }, null],
    [{ host: 'a' }, { DARKROOM_HOST: 'b', DARKROOM_STORE: '/x' }, 'a'],
    [{ store: '/x' }, { DARKROOM_HOST: 'b' }, null],
    [{ socket: '/x' }, { DARKROOM_HOST: 'b' }, null],
  ])('options %j and variables %j: %s', (options, environment, host) => {
    expect(chooseHost({ ...json, ...options }, environment)).toBe(host);
  });

  it.each(['DARKROOM_CONNECT', 'DARKROOM_STATE_DIR', 'DARKROOM_STORE', 'DARKROOM_SOCKET'])(
    'is not guessed when DARKROOM_HOST and %s contradict each other',
    (name) => {
      expect(() => chooseHost(json, { DARKROOM_HOST: 'b', [name]: '/x' })).toThrow(`DARKROOM_HOST and ${name}`);
    },
  );

  it.each(['--connect test:///default', '--state-dir /x', '--store /x', '--socket /x'])(
    'cannot be another one together with %s',
    async (option) => {
      const terminal = new FakeTerminal();
      expect(await terminal.run('image', 'list', '--host', 'a', ...option.split(' '))).toBe(2);
      expect(terminal.stderr.text).toContain('mutually exclusive');
      expect(terminal.opened).toEqual([]);
    },
  );

  it.each(['--host a', '--store /x', '--limit 3'])('cannot be all of them together with %s', async (option) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run('instance', 'list', '--all-hosts', ...option.split(' '))).toBe(2);
    expect(terminal.stderr.text).toContain('mutually exclusive');
  });

  it('must be one of the inventory', async () => {
    const config = path.join(folder, 'darkroom.yaml');
    writeFileSync(config, 'hosts: { node2: { url: "https://node2:8443", token_file: t } }\n');
    const output = createOutput(
      { stdout: new FakeStream(), stderr: new FakeStream() },
      { isJson: false, environment: {} },
    );
    const opened = openContext({
      options: { json: false, host: 'node3', config },
      recovery: 'none',
      needsAgent: false,
      output,
      interrupts: new FakeInterrupts(),
      environment: {},
    });
    await expect(opened).rejects.toMatchObject({ code: 'HOST_NOT_FOUND', fields: { host: 'node3', known: 'node2' } });
  });
});

describe('paths for another host', () => {
  it('must be absolute, since there is no current folder on it', () => {
    expect(pathOnHost({ host: null }, 'x')).toBe(path.resolve('x'));
    expect(pathOnHost({ host: 'node2' }, '/srv/x/../y')).toBe('/srv/y');
    expect(() => pathOnHost({ host: 'node2' }, './x')).toThrow("'./x' is a path on node2");
  });

  it.each(['image export web-golden x', 'image import x --name y', 'instance unshelve web-1 --disk-dir x'])(
    'are refused by %s',
    async (line) => {
      const terminal = new FakeTerminal();
      terminal.host = 'node2';
      expect(await terminal.run(...line.split(' '))).toBe(2);
      expect(terminal.stderr.text).toContain('must be absolute');
      expect(terminal.application.submitted).toEqual([]);
    },
  );
});

describe('instances of all hosts', () => {
  const shelved: Instance = { ...sampleInstance, id: 's', state: 'shelved', host: 'b' };
  const offloaded: Instance = { ...sampleInstance, id: 'o', state: 'shelved_offloaded', host: null };
  const answer = (host: string, instances: readonly Instance[]) => ({ host, failure: null, answer: instances });

  it('are told of under the name that the inventory has for their host', () => {
    const placed = placeInstances([answer('a', [sampleInstance]), answer('b', [sampleInstance])]);
    expect(placed.map(({ host }) => host)).toEqual(['a', 'b']);
  });

  it('that are in a store that hosts share are told of once', () => {
    const placed = placeInstances([answer('a', [offloaded, shelved]), answer('b', [shelved, offloaded])]);
    expect(placed.map(({ host, instance }) => [host, instance.id])).toEqual([
      ['b', 's'],
      [null, 'o'],
    ]);
  });

  it('that are back on one host are no longer shelved', () => {
    const back: Instance = { ...sampleInstance, id: 'o' };
    const placed = placeInstances([answer('a', [offloaded]), answer('b', [back])]);
    expect(placed).toEqual([{ host: 'b', instance: back }]);
  });

  function fakeHost(name: string, application: FakeApplication): FleetHost {
    return { name, open: async () => createClient(createInjectTransport(buildApp({ application }))) };
  }

  const down: FleetHost = {
    name: 'down',
    open: async () => {
      throw new DarkroomError('AGENT_UNREACHABLE', 'it is gone', { fields: { reason: 'gone\u001b' } });
    },
  };

  it('are printed as one table, with a line for each host that is down', async () => {
    const stdout = new FakeStream();
    const output = createOutput({ stdout, stderr: new FakeStream() }, { isJson: false, environment: {} });
    const application = new FakeApplication();
    const exitCode = await listEverywhere(output, {
      hosts: [fakeHost('node-with-a-name', application), down],
      filter: { state: 'active' },
    });
    expect(exitCode).toBe(0);
    expect(application.filters).toEqual([{ state: 'active' }]);
    const [headings, first, second] = stdout.text.split('\n');
    expect(headings).toMatch(/^HOST {14}ID /);
    expect(first).toMatch(/^node-with-a-name {2}5a3c9d0e/);
    expect(second).toBe(`${'down'.padEnd(16)}  down: gone\\u{1b}`);
  });

  it('have operations, which are listed together, newest first', async () => {
    const stdout = new FakeStream();
    const output = createOutput({ stdout, stderr: new FakeStream() }, { isJson: true, environment: {} });
    const older = new FakeApplication();
    const newer = new FakeApplication();
    newer.operations.list = async () => [{ ...sampleOperation, id: 'new', startedAt: '2026-03-02T12:00:00.000Z' }];
    const hosts = [fakeHost('a', older), fakeHost('b', newer), down];
    expect(await listOperationsEverywhere(output, { hosts, filter: { limit: 5 } })).toBe(0);
    expect(JSON.parse(stdout.text)).toEqual([
      expect.objectContaining({ id: 'new', host: 'b' }),
      { ...sampleOperation, host: 'a' },
      { id: null, status: 'down', host: 'down', error: { code: 'AGENT_UNREACHABLE', message: 'it is gone' } },
    ]);
    expect(await listOperationsEverywhere(output, { hosts: [down], filter: {} })).toBe(7);
  });

  it('are asked for eight hosts at a time', async () => {
    let running = 0;
    let most = 0;
    const hosts = Array.from({ length: 20 }, (_, index) => ({ ...down, name: `n${index}` }));
    const slow = hosts.map((host) => ({
      ...host,
      open: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running -= 1;
        return createClient(createInjectTransport(buildApp({ application: new FakeApplication() })));
      },
    }));
    const answers = await askHosts(slow, (client) => client.instances.list());
    expect(answers.map(({ host }) => host)).toEqual(hosts.map(({ name }) => name));
    expect(most).toBe(8);
  });

  it('need an inventory', async () => {
    const terminal = new FakeTerminal();
    const config = path.join(folder, 'empty.yaml');
    writeFileSync(config, 'store: /srv\n');
    expect(await terminal.run('instance', 'list', '--all-hosts', '--config', config)).toBe(3);
    expect(terminal.stderr.text).toContain(`name them under 'hosts:' in ${config}. (HOST_NOT_FOUND)`);
  });
});
