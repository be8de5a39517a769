import { describe, expect, it, vi } from 'vitest';
import type { BackupStatus } from '../../../src/model/backup/backup.ts';
import { DarkroomError } from '../../../src/model/errors.ts';
import {
  sampleBackup,
  sampleBackupPlan,
  sampleBackupStatus,
  sampleImage,
  sampleSchedule,
  sampleScheduleRun,
} from '../../unit/agent/samples.ts';
import { FakeTerminal } from '../../unit/cli/fake-terminal.ts';

/** Words of a line, where one of them may stand in quotes. */
function words(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

async function run(line: string, prepare: (terminal: FakeTerminal) => void = () => {}) {
  const terminal = new FakeTerminal();
  prepare(terminal);
  return { exitCode: await terminal.run(...words(line)), terminal };
}

const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const NO_TIERS = { hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };

const create = {
  kind: 'backup.create',
  instance: 'web-1',
  name: 'n',
  backupType: 'daily',
  retention: { kind: 'rotation', count: 7 },
  consistency: 'auto',
  description: null,
  properties: {},
};

describe('backup create', () => {
  it.each([
    ['--name n --type daily --rotation 7', create],
    ['--name n --type daily --rotation 0', { ...create, retention: { kind: 'rotation', count: 0 } }],
    [
      '--name n --type grid --keep-hourly 24 --keep-yearly 2 --timezone Europe/Berlin',
      {
        ...create,
        backupType: 'grid',
        retention: { kind: 'tiers', counts: { ...NO_TIERS, hourly: 24, yearly: 2 }, timezone: 'Europe/Berlin' },
      },
    ],
    [
      '--name n --type w --keep-daily 1 --keep-weekly 2 --keep-monthly 3',
      {
        ...create,
        backupType: 'w',
        retention: { kind: 'tiers', counts: { ...NO_TIERS, daily: 1, weekly: 2, monthly: 3 }, timezone: HERE },
      },
    ],
    [
      '--name n --type daily --rotation 7 --consistency quiesced --description d --property a=1 --property b=2',
      { ...create, consistency: 'quiesced', description: 'd', properties: { a: '1', b: '2' } },
    ],
  ])('web-1 %s', async (flags, request) => {
    const { exitCode, terminal } = await run(`backup create web-1 ${flags}`);
    expect(terminal.stderr.text).not.toContain('error');
    expect(exitCode).toBe(0);
    expect(terminal.application.submitted).toEqual([request]);
    expect(terminal.stdout.text).toContain(`image web-golden (${sampleImage.id})`);
    expect(terminal.opened.map(({ recovery }) => recovery)).toEqual(['required']);
  });

  it('gives a backup without a name that of its instance, its type and the minute', async () => {
    vi.useFakeTimers({ now: new Date('2026-11-21T03:15:59.000Z'), toFake: ['Date'] });
    const { terminal } = await run('backup create web-1 --type daily --rotation 7').finally(() => vi.useRealTimers());
    expect(terminal.application.submitted).toMatchObject([{ name: 'web-1-daily-20261121T0315Z' }]);
  });

  it('prints the operation when the rule let the backup go again', async () => {
    const gone = (terminal: FakeTerminal) => {
      terminal.application.script = (running) => [
        { ...running, status: 'succeeded', result: { imageId: '00000000-0000-4000-8000-000000000000' } },
      ];
    };
    const { exitCode, terminal } = await run('backup create web-1 --type daily --rotation 0 --json', gone);
    expect([exitCode, terminal.json]).toMatchObject([0, { kind: 'backup.create', status: 'succeeded' }]);
    const text = await run('backup create web-1 --type daily --rotation 0', gone);
    expect(text.terminal.stdout.text).toContain('its rule keeps none');
  });

  it('leaves it to an agent with --no-wait', async () => {
    const { exitCode, terminal } = await run('backup create web-1 --type daily --rotation 7 --no-wait', (it) => {
      it.isAgent = true;
    });
    expect([exitCode, terminal.application.watchers]).toEqual([0, 0]);
    expect(terminal.stdout.text).toMatch(/^operation op-1 \(.*\): running\n$/);
  });

  it.each([
    ['--type daily', 'What is kept must be said'],
    ['--type daily --rotation -1', 'rotation is a whole number'],
    ['--type daily --rotation=-1', 'rotation is a whole number'],
    ['--type daily --rotation 1.5', 'rotation is a whole number'],
    ['--type daily --rotation seven', 'rotation is a whole number'],
    ["--type daily --rotation ''", 'rotation is a whole number'],
    ['--type daily --rotation 1e3', 'rotation is a whole number'],
    ['--type daily --rotation', 'rotation needs a value'],
    ['--type daily --rotation 1 --rotation 2', 'given more than once'],
    ['--type daily --keep-daily -1', 'keep-daily is a whole number'],
    ['--type daily --rotation 7 --keep-daily 7', 'give one of them'],
    ['--rotation 7', 'type'],
    ['--type daily --rotation 7 --property a', 'not of the form KEY=VALUE'],
  ])('is refused with 2 before anything is opened: %s', async (flags, text) => {
    const { exitCode, terminal } = await run(`backup create web-1 ${flags}`);
    expect([exitCode, terminal.opened]).toEqual([2, []]);
    expect(terminal.stderr.text).toContain(text);
  });

  it.each(['--type daily --rotation 10001', '--type daily --keep-daily 0', "--type 'a b' --rotation 7"])(
    'is refused with 2 by the API: %s',
    async (flags) => {
      const { exitCode, terminal } = await run(`backup create web-1 ${flags}`);
      expect([exitCode, terminal.application.submitted]).toEqual([2, []]);
    },
  );
});

const scheduled = {
  selector: { kind: 'instance', instance: 'web-1' },
  cron: '15 3 * * *',
  timezone: HERE,
  backupType: 'daily',
  retention: { kind: 'rotation', count: 7 },
  consistency: 'auto',
  policy: null,
  jitterMs: 0,
  bootEvery: 0,
};
const RULE = "--cron '15 3 * * *' --type daily --rotation 7";

describe('backup schedule create', () => {
  it.each([
    [`web-1 ${RULE}`, scheduled],
    [`--all ${RULE} --timezone Asia/Tokyo`, { ...scheduled, selector: { kind: 'all' }, timezone: 'Asia/Tokyo' }],
    [
      `--label tier=front=1 ${RULE} --jitter 5m`,
      { ...scheduled, selector: { kind: 'label', key: 'tier', value: 'front=1' }, jitterMs: 300_000 },
    ],
    [`web-1 ${RULE} --verify boot --jitter 0`, { ...scheduled, bootEvery: 1 }],
    [`web-1 ${RULE} --verify boot:7 --consistency crash`, { ...scheduled, bootEvery: 7, consistency: 'crash' }],
    [
      `web-1 ${RULE} --require quiesced --max-age 26h`,
      { ...scheduled, policy: { consistency: 'quiesced', maxAgeMs: 93_600_000 } },
    ],
    [`web-1 ${RULE} --max-age 1d12h`, { ...scheduled, policy: { consistency: 'crash', maxAgeMs: 129_600_000 } }],
    [
      'web-1 --cron @hourly --type grid --keep-hourly 24 --keep-daily 7 --timezone UTC',
      {
        ...scheduled,
        cron: '@hourly',
        backupType: 'grid',
        timezone: 'UTC',
        retention: { kind: 'tiers', counts: { ...NO_TIERS, hourly: 24, daily: 7 }, timezone: 'UTC' },
      },
    ],
  ])('%s', async (flags, request) => {
    const { exitCode, terminal } = await run(`backup schedule create ${flags}`, (it) => {
      it.isAgent = true;
    });
    expect(terminal.stderr.text).toBe('');
    expect(exitCode).toBe(0);
    expect(terminal.application.filters[0]).toEqual(request);
    expect(terminal.stdout.text).toContain(sampleSchedule.id);
  });

  it('says that an agent must run where none answers', async () => {
    const { exitCode, terminal } = await run(`backup schedule create web-1 ${RULE} --json`);
    expect([exitCode, terminal.json]).toEqual([0, sampleSchedule]);
    expect(terminal.jsonLines).toEqual([{ warning: expect.stringContaining('darkroom agent run') }]);
  });

  it.each([
    [RULE, 'Name one instance'],
    [`web-1 --all ${RULE}`, 'Name one instance'],
    [`--all --label a=b ${RULE}`, 'Name one instance'],
    [`--label ab ${RULE}`, 'not of the form KEY=VALUE'],
    [`--label =b ${RULE}`, 'not of the form KEY=VALUE'],
    [`web-1 ${RULE} --require quiesced`, 'needs --max-age'],
    [`web-1 ${RULE} --require best --max-age 1h`, 'require'],
    [`web-1 ${RULE} --max-age 26`, 'no duration'],
    [`web-1 ${RULE} --jitter -5m`, 'no duration'],
    [`web-1 ${RULE} --jitter 5min`, 'no duration'],
    [`web-1 ${RULE} --verify`, 'verify needs a value'],
    [`web-1 ${RULE} --verify boot:0`, 'boot:N'],
    [`web-1 ${RULE} --verify shoot`, 'boot:N'],
    ["web-1 --cron '15 3 * * *' --type daily", 'What is kept must be said'],
    ['web-1 --type daily --rotation 7', 'cron'],
    ["web-1 --cron '15 3 * * *' --rotation 7", 'type'],
  ])('is refused with 2 before anything is opened: %s', async (flags, text) => {
    const { exitCode, terminal } = await run(`backup schedule create ${flags}`);
    expect([exitCode, terminal.opened]).toEqual([2, []]);
    expect(terminal.stderr.text).toContain(text);
  });
});

describe('schedules', () => {
  const { id } = sampleSchedule;

  it('are listed with what they are for, when they run next and what they keep', async () => {
    const { exitCode, terminal } = await run('backup schedule list');
    expect(exitCode).toBe(0);
    for (const text of [id, 'web-1', '15 3 * * * Europe/Berlin', 'newest 7', 'root'])
      expect(terminal.stdout.text).toContain(text);
    expect((await run('backup schedule list --json')).terminal.json).toEqual([sampleSchedule]);
  });

  it('are listed by the ids of their instances where libvirt does not answer', async () => {
    const { exitCode, terminal } = await run('backup schedule list', (it) => {
      it.application.instances.list = async () => {
        throw new DarkroomError('LIBVIRT_UNREACHABLE', 'down');
      };
    });
    expect(exitCode).toBe(0);
    expect(terminal.stdout.text).toContain(sampleScheduleRun.instanceId);
  });

  it('are shown with their next five times and their last runs', async () => {
    const { terminal } = await run(`backup schedule show ${id} --json`);
    expect(terminal.json).toMatchObject({ ...sampleSchedule, runs: [sampleScheduleRun] });
    expect(terminal.json).toHaveProperty('nextRuns.length', 5);
    const text = (await run(`backup schedule show ${id}`)).terminal.stdout.text;
    expect(text).toContain('quiesced or better, not older than 26h');
    expect(text).toContain('NO_SPACE: the store is full');
  });

  it.each([
    [`pause ${id}`, `schedule ${id}: paused`, { ...sampleSchedule, isPaused: true }],
    [`resume ${id}`, `schedule ${id}: goes on`, sampleSchedule],
    [`delete ${id}`, `schedule ${id}: deleted`, { schedule: id, isDeleted: true }],
    [`run ${id}`, 'the store is full', [sampleScheduleRun]],
  ])('%s', async (verb, text, json) => {
    const { exitCode, terminal } = await run(`backup schedule ${verb}`);
    expect(exitCode).toBe(0);
    expect(terminal.stdout.text).toContain(text);
    expect((await run(`backup schedule ${verb} --json`)).terminal.json).toEqual(json);
  });

  it.each(['show', 'pause', 'resume', 'delete', 'run'])('that are not there end %s with 3', async (verb) => {
    expect((await run(`backup schedule ${verb} none`)).exitCode).toBe(3);
  });

  it('tell their verbs when none is given', async () => {
    const { exitCode, terminal } = await run('backup schedule');
    expect(exitCode).toBe(2);
    for (const verb of ['create', 'list', 'show', 'delete', 'pause', 'resume', 'run'])
      expect(terminal.stderr.text).toContain(`darkroom backup schedule ${verb}`);
  });
});

describe('backup list', () => {
  it('tells what keeps each', async () => {
    const { terminal } = await run('backup list --instance web-1 --type daily --limit 5');
    expect(terminal.application.filters).toEqual([{ instance: 'web-1', backupType: 'daily', limit: 6 }]);
    expect(terminal.stdout.text).toMatch(/KEPT FOR\n.*web-1.*daily.*rotation-1\n$/s);
    expect((await run('backup list --json')).terminal.json).toEqual([sampleBackup]);
  });

  it('tells that nothing does', async () => {
    const { terminal } = await run('backup list', (it) => {
      it.application.backups.list = async () => [{ ...sampleBackup, keep: [], instanceName: null }];
    });
    expect(terminal.stdout.text).toMatch(/5a3c9d0e-1f2b-4c3d-8e4f-5a6b7c8d9e0f.*nothing\n$/s);
  });
});

describe('backup plan', () => {
  it.each([
    ['', { retention: null }],
    [
      '--instance web-1 --type daily --rotation 3',
      { instance: 'web-1', backupType: 'daily', retention: { kind: 'rotation', count: 3 } },
    ],
    [
      '--keep-weekly 4 --timezone UTC',
      { retention: { kind: 'tiers', counts: { ...NO_TIERS, weekly: 4 }, timezone: 'UTC' } },
    ],
  ])('backup plan %s', async (flags, request) => {
    const { exitCode, terminal } = await run(`backup plan ${flags}`);
    expect(exitCode).toBe(0);
    expect(terminal.application.filters).toEqual([request]);
    expect(terminal.stdout.text).toContain(
      `web-1, daily, by schedule ${sampleSchedule.id}: 1 stay, 1 go, 1.5 GiB freed`,
    );
    expect(terminal.stdout.text).toMatch(/rotation-1\n.*goes\n/s);
  });

  it('prints plans as JSON', async () => {
    expect((await run('backup plan --json')).terminal.json).toEqual([sampleBackupPlan]);
  });

  it('refuses two rules', async () => {
    expect((await run('backup plan --rotation 3 --keep-daily 3')).exitCode).toBe(2);
  });
});

describe('backup status', () => {
  const well: BackupStatus = { ...sampleBackupStatus, failures: 0, lastFailure: null, alerts: [] };
  const days: BackupStatus['days'] = [
    ...(['quiesced', 'offline', 'paused', 'crash', null] as const).map((consistency, index) => ({
      date: `2026-03-0${index + 1}`,
      outcome: 'good' as const,
      consistency,
    })),
    ...(['failed', 'skipped', 'none'] as const).map((outcome, index) => ({ date: `2026-03-0${index + 6}`, outcome })),
  ];
  const utf8 = (terminal: FakeTerminal) => {
    terminal.environment = { LANG: 'de_DE.UTF-8' };
    terminal.application.backups.status = async () => [{ ...well, days }];
  };

  it('draws a row of days that tells all outcomes apart, with what the signs mean', async () => {
    const { exitCode, terminal } = await run('backup status', utf8);
    expect(exitCode).toBe(0);
    expect(terminal.stdout.text).toMatch(
      /INSTANCE +03-01 to 03-08 +LAST BACKUP +CONSISTENCY +BOOTED +NEXT RUN +FAILURES/,
    );
    expect(terminal.stdout.text).toMatch(/^web-1 +██▓░▒✗-· +24 h ago +quiesced/m);
    expect(terminal.stdout.text).toContain(
      '█ quiesced or offline  ▓ paused  ░ crash  ▒ gone since  ✗ failed  - skipped  · none',
    );
  });

  it.each<[string, (terminal: FakeTerminal) => void]>([
    ['--ascii', utf8],
    [
      '',
      (terminal) => {
        utf8(terminal);
        terminal.environment = { LC_ALL: 'C', LANG: 'de_DE.UTF-8' };
      },
    ],
  ])('draws with ASCII alone: %s', async (flags, prepare) => {
    const { terminal } = await run(`backup status ${flags}`, prepare);
    expect(terminal.stdout.text).toMatch(/^web-1 +##=~\+x-\. +24 h ago/m);
    expect(terminal.stdout.text).toMatch(/^[\n -~]+$/);
  });

  it('ends with 6 when something is overdue, and tells of it and of what failed', async () => {
    const { exitCode, terminal } = await run('backup status web-1 --days 30');
    expect(exitCode).toBe(6);
    expect(terminal.application.filters).toEqual([{ instance: 'web-1', days: 30 }]);
    expect(terminal.stdout.text).toContain('alert: web-1: no backup that is quiesced for 26 hours');
    expect(terminal.stdout.text).toMatch(/failed: web-1: at .*: NO_SPACE: the store is full/);
  });

  it('prints JSON and ends with 6 all the same', async () => {
    const { exitCode, terminal } = await run('backup status --json');
    expect([exitCode, terminal.json]).toEqual([6, [sampleBackupStatus]]);
    expect(terminal.application.filters).toEqual([{ days: 14 }]);
  });

  it('tells of an instance that never was backed up', async () => {
    const never = { ...well, lastBackup: null, lastBoot: null, nextRunAt: null, instanceName: null };
    const { exitCode, terminal } = await run('backup status', (it) => {
      it.application.backups.status = async () => [never];
    });
    expect(exitCode).toBe(0);
    expect(terminal.stdout.text).toMatch(/^5a3c9d0e-\S+ +#x +never +- +- +- +-$/m);
  });

  it.each(['0', '367', '1.5', 'x'])('refuses %s days with 2', async (count) => {
    expect((await run(`backup status --days ${count}`)).exitCode).toBe(2);
  });
});
