import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleChain, sampleDeletion, sampleImage, sampleQuota, sampleSnapshot } from '../../unit/agent/samples.ts';
import { FakeTerminal } from '../../unit/cli/fake-terminal.ts';

const ID = sampleSnapshot.id;

async function run(line: string, prepare: (terminal: FakeTerminal) => void = () => {}) {
  const terminal = new FakeTerminal();
  prepare(terminal);
  return { exitCode: await terminal.run(...line.split(' ')), terminal };
}

const create = {
  kind: 'snapshot.create',
  volume: 'web-1/vda',
  instance: null,
  description: null,
  consistency: 'auto',
  isFull: false,
  isCompressed: false,
  isEncrypted: false,
};
const volume = { kind: 'volume.create', snapshot: '7c6b5a49', path: null, clone: 'full', format: 'qcow2' };
const fromSnapshot = {
  kind: 'image.from-snapshot',
  snapshot: '7c6b5a49',
  name: 'x',
  description: null,
  properties: {},
  isEncrypted: false,
};

const SUBMITTED: readonly (readonly [line: string, request: object])[] = [
  ['snapshot create web-1/vda', create],
  ['snapshot create --instance web-1', { ...create, volume: null, instance: 'web-1' }],
  [
    'snapshot create web-1/vda --description d --consistency crash --full --compress --encrypt',
    { ...create, description: 'd', consistency: 'crash', isFull: true, isCompressed: true, isEncrypted: true },
  ],
  ['snapshot delete 7c6b5a49', { kind: 'snapshot.delete', snapshot: '7c6b5a49' }],
  ['snapshot restore 7c6b5a49', { kind: 'snapshot.restore', snapshot: '7c6b5a49' }],
  ['snapshot verify 7c6b5a49', { kind: 'snapshot.verify', snapshot: '7c6b5a49', isDeep: false }],
  ['snapshot verify 7c6b5a49 --deep', { kind: 'snapshot.verify', snapshot: '7c6b5a49', isDeep: true }],
  ['snapshot export 7c6b5a49 x', { kind: 'snapshot.export', snapshot: '7c6b5a49', path: path.resolve('x') }],
  ['snapshot import x', { kind: 'snapshot.import', path: path.resolve('x') }],
  ['snapshot copy 7c6b5a49 --to /mnt', { kind: 'snapshot.copy', snapshot: '7c6b5a49', store: '/mnt' }],
  ['volume create --from-snapshot 7c6b5a49', volume],
  ['volume create --from-snapshot 7c6b5a49 --thin', { ...volume, clone: 'thin' }],
  ['volume create --from-snapshot 7c6b5a49 --file /srv/x --format raw', { ...volume, path: '/srv/x', format: 'raw' }],
  ['image create --from-snapshot 7c6b5a49 --name x', fromSnapshot],
  [
    'image create --from-snapshot 7c6b5a49 --name x --description d --property a=1 --encrypt',
    { ...fromSnapshot, description: 'd', properties: { a: '1' }, isEncrypted: true },
  ],
];

describe('commands that work on snapshots', () => {
  it.each(SUBMITTED)('%s', async (line, request) => {
    const { exitCode, terminal } = await run(line);
    expect(terminal.stderr.text).not.toContain('error');
    expect(exitCode).toBe(0);
    expect(terminal.application.submitted).toEqual([request]);
    expect(terminal.stdout.text).toMatch(/^(snapshot|volume|image|ID) /);
    expect(terminal.opened.map(({ recovery }) => recovery)).toEqual(['required']);
  });

  it.each([
    ['snapshot create web-1/vda', sampleSnapshot],
    ['snapshot create --instance web-1', [sampleSnapshot]],
    ['snapshot verify 7c6b5a49', sampleSnapshot],
    ['snapshot import x', sampleSnapshot],
    ['image create --from-snapshot 7c6b5a49 --name x', sampleImage],
  ])('%s prints what it made as one JSON document', async (line, expected) => {
    const { exitCode, terminal } = await run(`${line} --json`);
    expect([exitCode, terminal.json]).toEqual([0, expected]);
  });

  it.each([
    ['snapshot delete 7c6b5a49', { kind: 'snapshot.delete', result: { snapshotId: ID, freedBytes: 12 * 1024 ** 2 } }],
    ['snapshot restore 7c6b5a49', { kind: 'snapshot.restore' }],
    ['snapshot export 7c6b5a49 x', { kind: 'snapshot.export' }],
    ['snapshot copy 7c6b5a49 --to /mnt', { kind: 'snapshot.copy' }],
    ['volume create --from-snapshot 7c6b5a49', { kind: 'volume.create', result: { path: '/srv/new.qcow2' } }],
  ])('%s prints the operation as one JSON document', async (line, expected) => {
    const { exitCode, terminal } = await run(`${line} --json`);
    expect([exitCode, terminal.json]).toMatchObject([0, { ...expected, status: 'succeeded' }]);
  });

  it('prints all snapshots of an instance', async () => {
    const { terminal } = await run('snapshot create --instance web-1 --json', ({ application }) => {
      application.script = (running) => [{ ...running, status: 'succeeded', result: { snapshotIds: [ID, ID] } }];
    });
    expect(terminal.json).toEqual([sampleSnapshot, sampleSnapshot]);
  });

  it.each([
    [
      'snapshot create web-1/vda',
      `snapshot ${ID} (web-1/vda): 64.0 MiB of 8.0 GiB, compare (the bitmap was lost), consistency quiesced (frozen 12 ms), 4.2 s in total\n`,
    ],
    ['snapshot delete 7c6b5a49', `snapshot ${ID}: deleted, 12.0 MiB freed, 4.2 s in total\n`],
    ['snapshot restore 7c6b5a49', `snapshot ${ID}: restored into its volume, 4.2 s in total\n`],
    ['snapshot verify 7c6b5a49', `snapshot ${ID} (web-1/vda): checked, 4.2 s in total\n`],
    ['snapshot export 7c6b5a49 /x', `snapshot ${ID}: exported to /x, 4.2 s in total\n`],
    ['snapshot copy 7c6b5a49 --to /x', `snapshot ${ID}: copied to /x, 4.2 s in total\n`],
    [
      'volume create --from-snapshot 7c6b5a49 --thin',
      `volume /srv/new.qcow2: thin, qcow2, from snapshot ${ID}, 4.2 s in total\n`,
    ],
  ])('%s tells of itself in one line', async (line, text) => {
    expect((await run(line)).terminal.stdout.text).toBe(text);
  });

  it.each([
    'snapshot create web-1/vda',
    'snapshot delete 7c6b5a49',
    'snapshot restore 7c6b5a49',
    'snapshot verify 7c6b5a49',
    'snapshot mount 7c6b5a49',
    'snapshot export 7c6b5a49 x',
    'snapshot import x',
    'snapshot copy 7c6b5a49 --to /x',
    'volume create --from-snapshot 7c6b5a49',
  ])('does not wait for %s with --no-wait', async (line) => {
    const { exitCode, terminal } = await run(`${line} --no-wait`, (it) => {
      it.isAgent = true;
    });
    expect(exitCode).toBe(0);
    expect(terminal.stdout.text).toMatch(/^operation op-1 \(.*\): running\n$/);
    const alone = await run(`${line} --no-wait`);
    expect([alone.exitCode, alone.terminal.application.submitted]).toEqual([7, []]);
  });

  it.each([
    ['snapshot create', 'Give a volume, or --instance'],
    ['snapshot create web-1/vda --instance web-1', 'Give a volume, or --instance'],
    ['snapshot create web-1/vda --consistency best', '"best"'],
    ['snapshot delete', 'need at least 1'],
    ['snapshot delete 7c6b5a49 --dry-run --no-wait', 'mutually exclusive'],
    ['snapshot copy 7c6b5a49', 'to'],
    ['snapshot share 7c6b5a49', 'with'],
    ['snapshot share 7c6b5a49 --with ann --expires soon', 'neither a duration such as 7d'],
    ['volume create', 'from-snapshot'],
    ['volume create --from-snapshot 7c6b5a49 --thin --format raw', '--thin makes qcow2 files'],
    ['image create --name x', 'Give an instance, or --from-snapshot'],
    ['image create web-1 --from-snapshot 7c6b5a49 --name x', 'Give an instance, or --from-snapshot'],
    ['image create --from-snapshot 7c6b5a49 --name x --consistency paused', 'mutually exclusive'],
    ['image create --from-snapshot 7c6b5a49 --name x --generalize', '--generalize needs an instance'],
    ['quota now', 'now'],
  ])('%s is refused with 2 before anything is opened', async (line, text) => {
    const { exitCode, terminal } = await run(line);
    expect([exitCode, terminal.opened]).toEqual([2, []]);
    expect(terminal.stderr.text).toContain(text);
  });
});

describe('snapshot list, show and delete --dry-run', () => {
  it.each([
    ['snapshot list', [sampleSnapshot]],
    ['snapshot show 7c6b5a49', { ...sampleSnapshot, chain: sampleChain }],
    ['snapshot delete 7c6b5a49 --dry-run', sampleDeletion],
    ['quota', sampleQuota],
  ])('%s --json prints one document and nothing else', async (line, expected) => {
    const { exitCode, terminal } = await run(`${line} --json`);
    expect([exitCode, terminal.json, terminal.stderr.text]).toEqual([0, expected, '']);
    expect(terminal.opened.map(({ recovery }) => recovery)).toEqual(['attempted']);
    expect(terminal.application.submitted).toEqual([]);
  });

  it('passes its filters on', async () => {
    const { terminal } = await run('snapshot list --volume web-1/vda --instance web-1 --marker m');
    expect(terminal.application.filters).toEqual([{ volume: 'web-1/vda', instance: 'web-1', marker: 'm' }]);
  });

  it.each([
    ['snapshot list', ['EXCLUSIVE', 'web-1/vda', 'compare', '64.0 MiB', '12.0 MiB']],
    [
      'snapshot show 7c6b5a49',
      [
        'compare (the bitmap was lost)',
        '12.0 MiB that deleting it would free',
        'ann until 2036',
        '/srv/thin.qcow2 on node-1',
        '0b9f5f0a  full',
        'this one',
      ],
    ],
    [
      'snapshot delete 7c6b5a49 --dry-run',
      [`snapshot ${ID}: deleting it would free 12.0 MiB`, 'What others need of it moves into 33333333.'],
    ],
    ['quota', ['Of ann:', 'images     2', 'snapshots  5', 'no limit', '1.0 GiB']],
  ])('%s prints text for people', async (line, texts) => {
    const { exitCode, terminal } = await run(line);
    expect(exitCode).toBe(0);
    for (const text of texts) expect(terminal.stdout.text).toContain(text);
  });

  it('ends with 3 where there is no such snapshot', async () => {
    for (const verb of ['show', 'delete --dry-run']) expect((await run(`snapshot ${verb} ffffffff`)).exitCode).toBe(3);
  });
});

describe('snapshot share', () => {
  it.each([
    ['snapshot share 7c6b5a49 --with anna', { principal: 'anna', expiresAt: null }, 'shared with anna\n'],
    [
      'snapshot share 7c6b5a49 --with anna --expires 2036-01-31T12:00:00Z',
      { principal: 'anna', expiresAt: '2036-01-31T12:00:00.000Z' },
      'shared with anna until 2036-01-31',
    ],
    ['snapshot unshare 7c6b5a49 --with anna', { principal: 'anna', expiresAt: 'never' }, 'no longer shared with anna'],
  ])('%s', async (line, share, text) => {
    const { exitCode, terminal } = await run(line);
    expect([exitCode, terminal.application.shares]).toEqual([0, [share]]);
    expect(terminal.stdout.text).toContain(text);
    expect((await run(`${line} --json`)).terminal.json).toEqual(sampleSnapshot);
  });

  it('--expires 7d is a week from now', async () => {
    const before = Date.now();
    const { terminal } = await run('snapshot share 7c6b5a49 --with anna --expires 7d');
    const [share] = terminal.application.shares;
    const leftMs = Date.parse(share?.expiresAt ?? '') - before;
    expect(Math.round(leftMs / 60_000)).toBe(7 * 24 * 60);
  });

  it.each(['.', '..', 'a b'])('refuses the principal %j', async (name) => {
    const terminal = new FakeTerminal();
    expect(await terminal.run('snapshot', 'share', ID, '--with', name)).not.toBe(0);
    expect(terminal.application.shares).toEqual([]);
  });
});

const URI = `nbd+unix:///${ID}?socket=/run/x.sock`;

describe('snapshot mount', () => {
  /** Serves at once, and until it is cancelled. */
  function serve({ application }: FakeTerminal): void {
    const { operations } = application;
    const watch = operations.watch;
    Object.assign(operations, {
      watch: async function* (id: string, signal?: AbortSignal) {
        for await (const change of watch(id, signal)) {
          yield change.status === 'running' ? { ...change, step: 'serving', result: { uri: URI } } : change;
        }
      },
    });
    application.isEndless = true;
  }

  it.each([
    ['', URI],
    [' --json', '"uri"'],
  ])('prints where it can be read while it goes on, and ends with 0 at Ctrl-C%s', async (flag, text) => {
    const terminal = new FakeTerminal();
    serve(terminal);
    const ending = terminal.run(...`snapshot mount 7c6b5a49${flag}`.split(' '));
    await expect.poll(() => terminal.stdout.text).toContain(text);
    expect(terminal.application.cancelled).toEqual([]);
    terminal.interrupts.send();
    expect(await ending).toBe(0);
    expect(terminal.application.cancelled).toEqual(['op-1']);
    if (flag === '') expect(terminal.stdout.text).toBe(`${URI}\n`);
    else expect(terminal.json).toMatchObject({ kind: 'snapshot.mount', status: 'running', result: { uri: URI } });
    expect(terminal.stderr.text).not.toContain('error');
  });

  it('passes the folder on', async () => {
    const { terminal } = await run('snapshot mount 7c6b5a49 mnt');
    expect(terminal.application.submitted).toEqual([
      { kind: 'snapshot.mount', snapshot: '7c6b5a49', directory: path.resolve('mnt') },
    ]);
  });

  it('ends with 130 when it is cancelled before it serves', async () => {
    const terminal = new FakeTerminal();
    terminal.application.isEndless = true;
    const ending = terminal.run('snapshot', 'mount', ID);
    await expect.poll(() => terminal.application.watchers).toBe(1);
    terminal.interrupts.send();
    expect(await ending).toBe(130);
    expect(terminal.stdout.text).toBe('');
  });

  it('ends with the failure of whatever served it', async () => {
    const { exitCode, terminal } = await run('snapshot mount 7c6b5a49', ({ application }) => {
      application.script = (running) => [
        { ...running, result: { uri: URI } },
        { ...running, status: 'failed', error: { code: 'COMMAND_FAILED', message: 'it went away' } },
      ];
    });
    expect(exitCode).toBe(6);
    expect(terminal.stdout.text).toBe(`${URI}\n`);
    expect(terminal.stderr.text).toContain('it went away');
  });
});
