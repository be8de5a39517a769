import { describe, expect, it } from 'vitest';
import {
  sampleAuditEvent,
  sampleImage,
  sampleInstance,
  sampleOperation,
  samplePrincipal,
  sampleRecycledImage,
  sampleVolume,
} from '../../unit/agent/samples.ts';
import { FakeTerminal } from '../../unit/cli/fake-terminal.ts';

describe('commands that read', () => {
  it.each([
    ['image list', [sampleImage]],
    ['image list --type snapshot', [sampleImage]],
    ['image list --deleted', [sampleRecycledImage]],
    ['image undelete web-golden', sampleImage],
    ['image show web-golden', sampleImage],
    ['instance list', [sampleInstance]],
    ['instance show web-1', sampleInstance],
    ['volume list --instance web-1', [sampleVolume]],
    [`volume show ${sampleVolume.id}`, sampleVolume],
    ['operation list --status running', [sampleOperation]],
    ['principal list', [samplePrincipal]],
    ['audit list', [sampleAuditEvent]],
    ['doctor', { checks: [], isHealthy: true }],
  ])('%s --json prints one document and nothing else', async (line, expected) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run(...line.split(' '), '--json')).toBe(0);
    expect(terminal.json).toEqual(expected);
    expect(terminal.stderr.text).toBe('');
  });

  it.each([
    ['image list', ['web-golden', '1.5 GiB', 'quiesced']],
    ['image list --deleted', ['GOES FOR GOOD', 'web-golden', 'root', '1 deleted image takes 1.5 GiB']],
    ['image undelete web-golden', [`(${sampleImage.id}): back again`]],
    ['image show web-golden', ['name:', 'owner:', 'members:', 'sda: cdrom, left out: cdrom', 'os_distro = debian']],
    ['instance list', ['web-1', 'active', '192.168.122.10']],
    ['instance show web-1', ['192.168.122.10/24 on 52:54:00:12:34:56 (agent)', 'image:']],
    ['volume list', ['web-1', '8.0 GiB']],
    ['operation list', ['image.create', 'prepare']],
    ['audit list', ['PRINCIPAL', sampleAuditEvent.action]],
  ])('%s prints aligned text for people', async (line, texts) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run(...line.split(' '))).toBe(0);
    for (const text of texts) expect(terminal.stdout.text).toContain(text);
    expect(terminal.stdout.text).not.toContain('\u001b');
  });

  it('colours on a terminal', async () => {
    const terminal = new FakeTerminal({ isTerminal: true });
    await terminal.run('instance', 'list');
    expect(terminal.stdout.text).toContain('\u001b[32mactive');
  });

  it('ends with 1 when the doctor finds an error, with its remedy', async () => {
    const terminal = new FakeTerminal();
    const check = { id: 'kvm.usable', status: 'error' as const, message: 'no /dev/kvm', remedy: 'modprobe kvm' };
    terminal.application.report = { checks: [{ ...check, isRepaired: false }], isHealthy: false };
    expect(await terminal.run('doctor', '--repair')).toBe(1);
    expect(terminal.stdout.text).toContain('kvm.usable: no /dev/kvm\n         -> modprobe kvm');
    expect(terminal.application.filters).toEqual([{ isRepairing: true }]);
  });
});

describe('filters and pages', () => {
  it.each([
    [
      'image list --type imported --name n --status active --owner o --visibility shared --instance i --limit 3 --marker m',
      // one more than asked for, to know whether there is a next page
      {
        type: 'imported',
        name: 'n',
        status: 'active',
        owner: 'o',
        visibility: 'shared',
        instance: 'i',
        limit: 4,
        marker: 'm',
      },
    ],
    ['instance list --name n --state active', { name: 'n', state: 'active' }],
    ['instance list --label env=prod --label a.b/c=1', { labels: { env: 'prod', 'a.b/c': '1' } }],
    ['volume list --instance i --marker m', { instance: 'i', marker: 'm' }],
    [
      'operation list --status failed --kind image.create --target t --requested-by r --limit 2 --marker m',
      { status: 'failed', kind: 'image.create', target: 't', requestedBy: 'r', limit: 3, marker: 'm' },
    ],
    ['image list --deleted --limit 3 --marker m', { limit: 4, marker: 'm' }],
    ['operation list', { limit: 51 }],
    ['audit list --limit 7', { limit: 7 }],
  ])('%s', async (line, filter) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run(...line.split(' '))).toBe(0);
    expect(terminal.application.filters).toEqual([filter]);
  });
});

describe('recovery before a command', () => {
  it.each([
    ['image create web-1 --name x', 'required'],
    ['instance start web-1', 'required'],
    ['instance list', 'attempted'],
    ['volume list', 'attempted'],
    ['image list', 'attempted'],
    ['image list --deleted', 'attempted'],
    ['image undelete web-golden', 'attempted'],
    ['operation list', 'attempted'],
    ['principal list', 'none'],
    ['audit list', 'none'],
    ['doctor', 'none'],
  ])('%s: %s', async (line, recovery) => {
    const terminal = new FakeTerminal();
    await terminal.run(...line.split(' '));
    expect(terminal.opened.map((options) => options.recovery)).toEqual([recovery]);
  });
});
