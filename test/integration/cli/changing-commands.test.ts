import { describe, expect, it } from 'vitest';
import { sampleInstance, samplePrincipal } from '../../unit/agent/samples.ts';
import { FakeTerminal } from '../../unit/cli/fake-terminal.ts';

describe('image set', () => {
  it.each([
    ['--visibility shared --member anna --member ci', { visibility: 'shared', members: ['anna', 'ci'] }],
    ['--no-members', { members: [] }],
    ['--owner anna --no-protected', { owner: 'anna', isProtected: false }],
  ])('%s', async (flags, changes) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run('image', 'set', 'web-golden', ...flags.split(' '))).toBe(0);
    expect(terminal.application.updates).toEqual([changes]);
  });

  it('cannot both name members and have none', async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run('image', 'set', 'web-golden', '--member', 'a', '--no-members')).toBe(2);
    expect(terminal.stderr.text).toContain('mutually exclusive');
  });
});

describe('instance set', () => {
  it.each([
    ['--label env=prod --label tier=db', { env: 'prod', tier: 'db' }],
    ['--no-label env --no-label team', { env: '', team: '' }],
    ['--no-label env --label tier=db', { env: '', tier: 'db' }],
  ])('%s', async (flags, labels) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run('instance', 'set', 'web-1', ...flags.split(' '))).toBe(0);
    expect(terminal.application.updates).toEqual([{ labels }]);
    expect(terminal.stdout.text).toMatch(/^labels: +env=prod$/m);
  });

  it.each([
    ['', 'Say what to change'],
    ['--label env', 'not of the form KEY=VALUE'],
    ['--label a=1 --label a=2', 'given more than once'],
    ['--label env=prod --no-label env', 'both set and taken away'],
    ['--label .env=prod', 'key'],
    ['--label env=a,b', 'value'],
  ])('is wrong with %j', async (flags, complaint) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run('instance', 'set', 'web-1', ...flags.split(' ').filter(Boolean))).toBe(2);
    expect(terminal.stderr.text).toContain(complaint);
    expect(terminal.application.updates).toEqual([]);
  });

  it('prints the instance as JSON', async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run('instance', 'set', 'web-1', '--label', 'env=prod', '--json')).toBe(0);
    expect(terminal.json).toEqual(sampleInstance);
  });
});

describe('principals', () => {
  it('come with a token that stands alone on stdout', async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run('principal', 'create', 'ci', '--role', 'operator')).toBe(0);
    expect(terminal.stdout.text).toBe('drk_new\n');
    expect(terminal.stderr.text).toContain('principal ci: operator');
    expect(terminal.stderr.text).not.toContain('drk_');
  });

  it('come with it as JSON too', async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run('principal', 'create', 'ci', '--role', 'operator', '--json')).toBe(0);
    expect(terminal.json).toMatchObject({ principal: { name: 'ci', role: 'operator' }, token: 'drk_new' });
    expect(terminal.stderr.text).toBe('');
  });

  it('may be known by their certificates alone', async () => {
    const terminal = new FakeTerminal();
    expect(await terminal.run('principal', 'create', 'anna', '--role', 'admin', '--no-token')).toBe(0);
    expect(terminal.stdout.text).toBe('principal anna: admin, known by certificate\n');
    expect(terminal.stderr.text).toBe('');
  });

  it('are listed, renewed and deleted', async () => {
    const { name, role } = samplePrincipal;
    for (const [line, text] of [
      ['principal list', role],
      [`principal token ${name}`, 'drk_renewed'],
      [`principal delete ${name}`, `principal ${name}: deleted`],
    ] as const) {
      const terminal = new FakeTerminal();
      expect(await terminal.run(...line.split(' '))).toBe(0);
      expect(terminal.stdout.text).toContain(text);
    }
  });

  it('that are not there are told of with 3', async () => {
    expect(await new FakeTerminal().run('principal', 'delete', 'nobody')).toBe(3);
    expect(await new FakeTerminal().run('principal', 'token', 'nobody')).toBe(3);
  });

  it('need a role', async () => {
    expect(await new FakeTerminal().run('principal', 'create', 'ci')).toBe(2);
  });
});
