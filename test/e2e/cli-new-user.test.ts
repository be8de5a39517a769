import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tryCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';

const ENTRY = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

let darkroom: DarkroomHost;
beforeAll(async () => {
  darkroom = await createDarkroomHost();
});
afterAll(async () => {
  await darkroom?.[Symbol.asyncDispose]();
});

describe('darkroom --help', () => {
  it('shows for every command what it takes, and an example that begins as the command does', async () => {
    const commands = await listCommands([]);
    expect(commands.length).toBeGreaterThan(20);
    for (const command of commands) {
      const { exitCode, stdout, stderr } = await darkroom.run([...command, '--help']);
      expect([exitCode, stderr], command.join(' ')).toEqual([0, '']);
      const [usage = '', examples = ''] = stdout.split('Examples:');
      expect(usage).toContain(`darkroom ${command.join(' ')}`);
      expect(usage).toContain('--json');
      expect(examples, command.join(' ')).toContain(`darkroom ${command.join(' ')}`);
    }
  }, 300_000);

  it('is also what comes where a noun or a verb is missing, with exit code 2', async () => {
    for (const args of [[], ['image'], ['operation']]) {
      const { exitCode, stdout, stderr } = await darkroom.run(args);
      expect([exitCode, stdout]).toEqual([2, '']);
      expect(stderr).toContain('Commands:');
    }
  });

  /** Every command that the help of nouns lists, at whatever depth. */
  async function listCommands(noun: readonly string[]): Promise<readonly (readonly string[])[]> {
    const { stdout } = await darkroom.run([...noun, '--help']);
    const [, list] = /^Commands:\n(.*?)\n\n/ms.exec(stdout) ?? [];
    if (list === undefined) return [noun];
    const words = list
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([program]) => program === 'darkroom')
      .map((line) => line[noun.length + 1] ?? '')
      .filter((word) => word !== 'completion');
    const inner: (readonly string[])[] = [];
    for (const word of words) inner.push(...(await listCommands([...noun, word])));
    return inner;
  }
});

describe('a command line that is wrong', () => {
  it.each<[readonly string[], RegExp]>([
    [['imge', 'list'], /did you mean 'image'.*darkroom --help/],
    [['image', 'lst'], /did you mean 'list'.*darkroom image --help/],
    [['image', 'list', '--jsno'], /jsno.*darkroom image list --help/],
    [['image', 'create'], /darkroom image create --help/],
    [['image', 'create', 'web'], /name.*darkroom image create --help/],
    [['image', 'create', 'web', '--name'], /--name needs a value/],
    [['image', 'create', 'web', '--name', 'a', '--name', 'b'], /--name is given more than once/],
    [['image', 'list', '--type', 'wrong'], /snapshot/],
    [['instance', 'launch', 'web', '--image', 'x', '--memory', 'much'], /--memory must be a number/],
    [['instance', 'list', 'extra'], /extra/],
    [['doctor', '--fix'], /fix.*darkroom doctor --help/],
    [['instance', 'list', '--connect', 'somewhere'], /--connect.*libvirt connection URI/],
    [['instance', 'list', '--config', '/nowhere.yaml'], /\/nowhere\.yaml/],
  ])('ends with 2 and a hint: %j', async (args, hint) => {
    const { exitCode, stdout, stderr } = await darkroom.run(args);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(hint);
    expect(stderr).toMatch(/^error: .*\(INVALID_REQUEST\)\n$/s);
  });

  it('is told as one JSON line on stderr with --json', async () => {
    const { exitCode, stdout, stderr } = await darkroom.run(['image', 'lst', '--json']);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'INVALID_REQUEST' } });
  });
});

describe('what is printed', () => {
  it('ends quietly when its reader goes away', async () => {
    for (const args of ['--help', 'doctor --json --connect test:///default']) {
      const script = `"$0" "$1" ${args} --state-dir "$2/s" --store "$2/i" | true; echo "\${PIPESTATUS[0]}"`;
      const run = await tryCommand('bash', ['-c', script, process.execPath, ENTRY, darkroom.folder]);
      expect(run).toEqual({ exitCode: 0, stdout: '0\n', stderr: '' });
    }
  });

  it('has no colours and no cursor movements where there is no terminal', async () => {
    for (const args of [['instance', 'list'], ['doctor'], ['image', 'list'], ['instance', 'pause', 'test']]) {
      const { stdout, stderr } = await darkroom.run([...args, '--connect', 'test:///default'], {
        env: { NO_COLOR: '' },
      });
      for (const steering of ['\u001b', '\r']) expect(stdout + stderr).not.toContain(steering);
    }
  });

  it('is a completion script for bash and zsh that knows the nouns', async () => {
    const { exitCode, stdout } = await darkroom.run(['completion']);
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('darkroom')]);
    const words = await darkroom.run(['--get-yargs-completions', 'darkroom', 'image', '']);
    expect(words.stdout).toContain('create');
  });
});

describe('darkroom with the test driver of libvirt', () => {
  const connect = ['--connect', 'test:///default'];

  it.each<[readonly string[], number]>([
    [['instance', 'list'], 0],
    [['instance', 'show', 'test'], 0],
    [['volume', 'list'], 0],
    [['image', 'list'], 0],
    [['operation', 'list'], 0],
    [['instance', 'pause', 'test'], 0],
    [['instance', 'stop', 'test'], 0],
    [['instance', 'stop', 'test', '--force'], 0],
    [['instance', 'suspend', 'test'], 0],
    [['instance', 'start', 'test'], 4],
    [['instance', 'resume', 'test'], 4],
  ])('%j ends with %i', async (args, expected) => {
    const { exitCode, stderr } = await darkroom.run([...args, ...connect]);
    expect([exitCode, expected === 0 ? '' : stderr]).toEqual([
      expected,
      expected === 0 ? '' : expect.stringContaining('INSTANCE_STATE'),
    ]);
  });

  it('refuses to capture its guest, whose disk is nowhere', async () => {
    const { exitCode, stderr } = await darkroom.run(['image', 'create', 'test', '--name', 'x', ...connect]);
    expect([exitCode, stderr]).toEqual([5, expect.stringMatching(/\((DISK_MISSING|NO_DISKS)\)/)]);
  });
});
