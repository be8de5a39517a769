import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { StoreStatus } from '../../../src/model/store.ts';
import {
  sampleFinding,
  sampleImage,
  sampleSnapshot,
  sampleStore,
  sampleStoreStatus,
} from '../../unit/agent/samples.ts';
import { FakeTerminal } from '../../unit/cli/fake-terminal.ts';

const SERVICE_IMAGE = '5e7f1a2b-0000-4000-8000-00000000aaaa';

async function run(line: string, prepare: (terminal: FakeTerminal) => void = () => {}) {
  const terminal = new FakeTerminal();
  prepare(terminal);
  return { exitCode: await terminal.run(...line.split(' ')), terminal };
}

const copy = { kind: 'image.copy', image: 'golden', from: null, to: null };
const push = { kind: 'image.push', image: 'web-golden', service: 'lab', name: null, disk: null, visibility: null };
const pull = { kind: 'image.pull', service: 'lab', image: 'debian-12', name: null };

describe('commands that bring images from one place to another', () => {
  it.each([
    ['image copy golden --to ceph', { ...copy, to: 'ceph' }],
    ['image copy golden --from ceph', { ...copy, from: 'ceph' }],
    ['image copy golden --from ./x --to s3://abc/b', { ...copy, from: path.resolve('x'), to: 's3://abc/b' }],
    ['image push web-golden --to glance:lab', push],
    [
      'image push web-golden --to glance:lab --name n --disk vdb --visibility public',
      { ...push, name: 'n', disk: 'vdb', visibility: 'public' },
    ],
    ['image pull glance:lab debian-12', pull],
    ['image pull glance:lab debian-12 --name d', { ...pull, name: 'd' }],
    ['snapshot copy 7c6b5a49 --to ceph', { kind: 'snapshot.copy', snapshot: '7c6b5a49', store: 'ceph' }],
    ['snapshot copy 7c6b5a49 --to ./x', { kind: 'snapshot.copy', snapshot: '7c6b5a49', store: path.resolve('x') }],
  ])('%s', async (line, request) => {
    const { exitCode, terminal } = await run(line);
    expect([exitCode, terminal.application.submitted]).toEqual([0, [request]]);
    expect(terminal.opened.map(({ recovery }) => recovery)).toEqual(['required']);
  });

  it.each([
    ['image copy web-golden --to ceph', sampleImage],
    ['image copy web-golden --from ceph', sampleImage],
    ['image pull glance:lab debian-12', sampleImage],
    [
      'image push web-golden --to glance:lab',
      { id: SERVICE_IMAGE, service: 'glance:lab', name: sampleImage.name, image: sampleImage.id },
    ],
    [
      'image push web-golden --to glance:lab --name n',
      { id: SERVICE_IMAGE, service: 'glance:lab', name: 'n', image: sampleImage.id },
    ],
  ])('%s prints what it made as one JSON document', async (line, expected) => {
    const { exitCode, terminal } = await run(`${line} --json`);
    expect([exitCode, terminal.json]).toEqual([0, expected]);
  });

  it('prints the operation of a copy between two other stores', async () => {
    const { terminal } = await run('image copy golden --from nfs --to ceph --json');
    expect(terminal.json).toMatchObject({ kind: 'image.copy', target: 'golden', status: 'succeeded' });
  });

  const made = `image ${sampleImage.name} (${sampleImage.id})`;
  it.each([
    ['image copy web-golden --to ceph', `${made}: copied to ceph, 4.2 s in total\n`],
    ['image copy web-golden --from ceph', `${made}: copied to the host's own store, 4.2 s in total\n`],
    ['image copy golden --from nfs --to ceph', 'image golden: copied to ceph, 4.2 s in total\n'],
    ['image push web-golden --to glance:lab', `${made}: ${SERVICE_IMAGE} of glance:lab, 4.2 s in total\n`],
    ['snapshot copy 7c6b5a49 --to ceph', `snapshot ${sampleSnapshot.id}: copied to ceph, 4.2 s in total\n`],
  ])('%s tells of itself in one line', async (line, text) => {
    expect((await run(line)).terminal.stdout.text).toBe(text);
  });

  it.each(['image copy golden --to ceph', 'image push web-golden --to glance:lab', 'image pull glance:lab debian-12'])(
    'does not wait for %s with --no-wait',
    async (line) => {
      const { exitCode, terminal } = await run(`${line} --no-wait`, (it) => {
        it.isAgent = true;
      });
      expect(exitCode).toBe(0);
      expect(terminal.stdout.text).toMatch(/^operation op-1 \(.*\): running\n$/);
      const alone = await run(`${line} --no-wait`);
      expect([alone.exitCode, alone.terminal.application.submitted]).toEqual([7, []]);
    },
  );

  it.each([
    ['image copy golden', 'Give --to, --from or both'],
    ['image copy', 'need at least 1'],
    ['image push web-golden', 'to'],
    ['image push web-golden --to lab', "--to 'lab' is not glance:NAME"],
    ['image push web-golden --to glance:lab --visibility all', '"all"'],
    ['image pull debian-12', 'need at least 2'],
    ['image pull lab debian-12', "service 'lab' is not glance:NAME"],
    ['store gc --older-than soon', "--older-than 'soon' is no duration"],
    ['store', 'list'],
    ['store stat', "did you mean 'status'"],
  ])('refuses %s and says why', async (line, text) => {
    const { exitCode, terminal } = await run(line);
    expect(exitCode).toBe(2);
    expect(terminal.stderr.text).toContain(text);
    expect(terminal.opened).toEqual([]);
  });
});

describe('commands about stores', () => {
  it.each([
    ['store list', 0, [sampleStore]],
    ['store status', 0, [sampleStoreStatus]],
    ['store status default', 0, [sampleStoreStatus]],
    ['store check', 6, [sampleFinding]],
    ['store check default', 6, [sampleFinding]],
    ['store gc', 0, [sampleFinding]],
  ])('%s prints an array, and ends with %i', async (line, code, expected) => {
    const { exitCode, terminal } = await run(`${line} --json`);
    expect([exitCode, terminal.json]).toEqual([code, expected]);
  });

  it.each([
    ['store gc', { store: null, olderThanMs: 86_400_000, isDryRun: false }],
    ['store gc default --dry-run --older-than 90m', { store: 'default', olderThanMs: 5_400_000, isDryRun: true }],
    ['store gc --older-than 0', { store: null, olderThanMs: 0, isDryRun: false }],
  ])('%s', async (line, request) => {
    const { exitCode, terminal } = await run(line);
    expect([exitCode, terminal.application.filters]).toEqual([0, [request]]);
  });

  it('draws tables for people', async () => {
    expect((await run('store list')).terminal.stdout.text).toMatch(
      /^NAME +KIND +LOCATION +DEFAULT\ndefault +s3 +s3:\/\/images\/darkroom +yes\n$/,
    );
    const status = (await run('store status')).terminal.stdout.text;
    expect(status).toContain('KEPT HERE');
    expect(status).toMatch(
      /default +ready +3 \(6\.0 GiB\) +12 \(2\.0 GiB\) +1 \(1\.0 GiB\) +2 +- +1\.0 GiB of 50\.0 GiB/,
    );
    const check = (await run('store check')).terminal.stdout.text;
    expect(check).toContain('unpublished-image');
    expect(check).toContain('1 finding, 1 of which store gc removes once they are old enough: 1.0 MiB\n');
    expect((await run('store gc')).terminal.stdout.text).toContain('\n1 removed, 1.0 MiB\n');
    expect((await run('store gc --dry-run')).terminal.stdout.text).toContain('\n1 would be removed, 1.0 MiB\n');
  });

  it('ends with 0 where nothing is wrong, and says so', async () => {
    const clean = ({ application }: FakeTerminal) => {
      application.findings = [];
    };
    const check = await run('store check', clean);
    expect([check.exitCode, check.terminal.stdout.text]).toEqual([0, 'nothing is wrong\n']);
    expect((await run('store gc', clean)).terminal.stdout.text).toBe('nothing to remove\n');
    expect((await run('store gc --dry-run', clean)).terminal.stdout.text).toBe('nothing would be removed\n');
  });

  it('says which store cannot be reached, and why, and ends with 6', async () => {
    const error = { code: 'STORE_UNUSABLE', message: 'connection refused\u001b[31m' };
    const nothing = { images: null, snapshots: null, deletedImages: null, shelvedInstances: null, cache: null };
    const status: StoreStatus = { ...sampleStoreStatus, ...nothing, isReachable: false, error };
    const { exitCode, terminal } = await run('store status', ({ application }) => {
      application.storeStatuses = [status];
    });
    expect(exitCode).toBe(6);
    expect(terminal.stdout.text).toContain('unreachable');
    expect(terminal.stdout.text).toContain('default: connection refused\\u{1b}[31m (STORE_UNUSABLE)\n');
  });

  it.each(['status', 'check', 'gc'])('does not take the store of %s for that of the host', async (verb) => {
    const { terminal } = await run(`store ${verb} default`);
    expect(terminal.opened.map(({ options }) => options.store)).toEqual([undefined]);
    const other = await run(`store ${verb} default --host node2`);
    expect(other.exitCode).not.toBe(2);
  });

  it('says that a store is not known', async () => {
    const { exitCode, terminal } = await run('store check nowhere');
    expect([exitCode, terminal.stdout.text]).toEqual([3, '']);
  });

  it('tells who may not', async () => {
    const { exitCode } = await run('store list', ({ application }) => {
      application.failure = new DarkroomError('FORBIDDEN', 'not you');
    });
    expect(exitCode).toBe(5);
  });

  it.each([
    ['store list', 'none'],
    ['store status', 'none'],
    ['store check', 'attempted'],
    ['store gc', 'required'],
  ])('%s puts right what was left unfinished: %s', async (line, recovery) => {
    const { terminal } = await run(line);
    expect(terminal.opened.map((opened) => opened.recovery)).toEqual([recovery]);
  });
});
