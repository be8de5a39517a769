import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ERROR_TABLE } from '../../../src/api/error-table.ts';
import { DarkroomError, ERROR_CODES } from '../../../src/model/errors.ts';
import { failWith } from '../../unit/agent/fake-application.ts';
import { FakeTerminal } from '../../unit/cli/fake-terminal.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'dr-cl-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, content: string | Buffer): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

const privateKey = fileOf('id_ed25519', '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n');
const noKey = fileOf('empty.pub', '# nothing here\n');
const noText = fileOf('binary', Buffer.from([0xff, 0xfe, 0x00]));
const launch = 'instance launch a --image b';

describe('exit codes', () => {
  it.each(ERROR_CODES)('of a call refused with %s are those of the table', async (code) => {
    const terminal = new FakeTerminal();
    terminal.application.failure = new DarkroomError(code, 'it broke', { fields: { disk: 'vda' } });
    expect(await terminal.run('image', 'list', '--json')).toBe(ERROR_TABLE[code].exitCode);
    expect(terminal.stdout.text).toBe('');
    expect(terminal.jsonLines).toEqual([{ error: { code, message: 'it broke', fields: { disk: 'vda' } } }]);
  });

  it.each(ERROR_CODES)('of an operation that failed with %s are those of the table', async (code) => {
    const terminal = new FakeTerminal();
    terminal.application.script = failWith(code);
    expect(await terminal.run('image', 'create', 'web-1', '--name', 'x')).toBe(ERROR_TABLE[code].exitCode);
    expect(terminal.stderr.text).toContain(`error: it broke (${code})`);
    expect(terminal.stdout.text).toBe('');
  });

  it.each([
    ['cancelled', 130],
    ['interrupted', 6],
  ] as const)('of an operation that was %s: %s', async (status, exitCode) => {
    const terminal = new FakeTerminal();
    terminal.application.script = (running) => [{ ...running, status }];
    expect(await terminal.run('image', 'create', 'web-1', '--name', 'x')).toBe(exitCode);
  });

  it('of operation watch are those of the operation, which is still printed', async () => {
    const terminal = new FakeTerminal();
    terminal.application.script = failWith('NO_SPACE');
    await terminal.application.operations.submit({ kind: 'image.delete', image: 'x' });
    expect(await terminal.run('operation', 'watch', 'op-1', '--json')).toBe(5);
    expect(terminal.json).toMatchObject({ id: 'op-1', status: 'failed' });
  });
});

describe('command lines that are wrong', () => {
  it.each([
    ['frob', 'frob'],
    ['imag list', "did you mean 'image'"],
    ['image lst', "did you mean 'list'"],
    ['image list extra', 'extra'],
    ['image show', 'need at least 1'],
    ['image show a b', 'b'],
    ['image create web-1', 'name'],
    ['image create web-1 --name', '--name needs a value'],
    ['image create web-1 --name a --name b', '--name is given more than once'],
    ['image create web-1 --name a --frob', 'frob'],
    ['image create web-1 --name a --consistency best', '"best"'],
    ['image create web-1 --name a --property foo', 'KEY=VALUE'],
    ['image create web-1 --name a --property =v', 'KEY=VALUE'],
    ['image create web-1 --name a --property k=1 --property k=2', 'more than once'],
    ['image create web-1 --name a --property image_type=backup', 'image_type'],
    ['image create web-1 --name=', 'name'],
    [`image create web-1 --name ${'x'.repeat(256)}`, 'name'],
    ['image set a', 'must change something'],
    ['image set a --protected --no-protected', 'mutually exclusive'],
    ['image verify a --expect login:', 'expect'],
    ['image verify a --timeout -1', 'timeout'],
    [`${launch} --memory lots`, '--memory must be a number'],
    [`${launch} --memory 0`, 'memoryMiB'],
    [`${launch} --clone half`, '"half"'],
    [`${launch} --ssh-key ${privateKey}`, 'private key'],
    [`${launch} --ssh-key ${noKey}`, 'no public key'],
    [`${launch} --ssh-key ${noText}`, 'not UTF-8'],
    [`${launch} --ssh-key ${folder}/none`, 'ENOENT'],
    [`${launch} --user-data ${folder}`, 'EISDIR'],
    [`${launch} --user-data /dev/zero`, 'longer than'],
    ['instance launch a/b --image c', "must not hold '/'"],
    ['operation list --limit 0', 'limit'],
    ['--log-level loud image list', '"loud"'],
  ])('%s ends with 2 and says %s', async (line, text) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run(...line.split(' '))).toBe(2);
    expect(terminal.stderr.text).toContain(text);
    expect(terminal.stdout.text).toBe('');
    expect(terminal.application.submitted).toEqual([]);
  });

  it('never repeats a private key', async () => {
    const terminal = new FakeTerminal();
    await terminal.run(...`${launch} --ssh-key ${privateKey}`.split(' '));
    expect(terminal.stderr.text).not.toContain('c2VjcmV0');
  });

  it.each([
    ['', 'darkroom image'],
    ['image', 'darkroom image create [instance]'],
    ['snapshot', 'darkroom snapshot create [volume]'],
    ['operation --json=false', 'darkroom operation watch <operation>'],
  ])("'%s' alone prints its help on stderr and ends with 2", async (line, text) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run(...line.split(' ').filter((word) => word !== ''))).toBe(2);
    expect(terminal.stderr.text).toContain(text);
    expect(terminal.stdout.text).toBe('');
  });

  it('says that an argument is missing, and where the help is', async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run('operation', 'watch')).toBe(2);
    expect(terminal.stderr.text).toBe(
      "error: Not enough arguments: got 0, need at least 1. See 'darkroom operation watch --help'. (INVALID_REQUEST)\n",
    );
  });

  it('prints usage errors as JSON with --json', async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run('image', 'create', '--json')).toBe(2);
    expect(terminal.jsonLines).toMatchObject([{ error: { code: 'INVALID_REQUEST' } }]);
  });

  it('never opens the application for them', async () => {
    const terminal = new FakeTerminal();
    await terminal.run('image', 'create', 'web-1', '--name', 'a', '--property', 'foo');
    expect(terminal.opened).toEqual([]);
  });
});

describe('help', () => {
  const VERBS = [
    ...['create', 'list', 'show', 'verify', 'set', 'delete', 'export', 'import'].map((verb) => `image ${verb}`),
    ...['list', 'show', 'launch', 'delete', 'start', 'stop', 'reboot', 'pause', 'resume', 'suspend'].map(
      (verb) => `instance ${verb}`,
    ),
    ...['list', 'show', 'create'].map((verb) => `volume ${verb}`),
    ...['create', 'list', 'show', 'delete', 'restore', 'mount', 'verify', 'export', 'import', 'copy'].map(
      (verb) => `snapshot ${verb}`,
    ),
    ...['share', 'unshare'].map((verb) => `snapshot ${verb}`),
    ...['list', 'show', 'watch', 'cancel'].map((verb) => `operation ${verb}`),
    ...['list', 'create', 'token', 'delete'].map((verb) => `principal ${verb}`),
    'audit list',
    'doctor',
    'quota',
  ];

  it.each(VERBS)('of %s has examples', async (line) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run(...line.split(' '), '--help')).toBe(0);
    expect(terminal.stdout.text).toContain('Examples:');
    expect(terminal.stdout.text).toContain('--json');
    expect(terminal.opened).toEqual([]);
  });

  it('has a version and a completion script', async () => {
    const terminal = new FakeTerminal();
    await terminal.run('--version');
    expect(terminal.stdout.text).toBe('9.9.9\n');
    await terminal.run('completion');
    expect(terminal.stdout.text).toContain('--get-yargs-completions');
  });

  it('completes nouns and verbs', async () => {
    const nouns = new FakeTerminal();
    await nouns.run('--get-yargs-completions', 'darkroom', '');
    for (const noun of ['principal', 'audit', 'store']) expect(nouns.stdout.text).toContain(noun);
    const verbs = new FakeTerminal();
    await verbs.run('--get-yargs-completions', 'darkroom', 'principal', '');
    for (const verb of ['create', 'delete', 'list', 'token']) expect(verbs.stdout.text).toContain(verb);
  });

  it('completes verbs and options', async () => {
    const terminal = new FakeTerminal();
    await terminal.run('--get-yargs-completions', 'darkroom', 'image', 'create', '--');
    expect(terminal.stdout.text).toContain('--consistency');
  });
});
