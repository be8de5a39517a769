import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Image } from '../../src/model/image.ts';
import { assertClean, recordGuest } from './support/assert-clean.ts';
import { listImages } from './support/captures.ts';
import { parseImage, readFileInImage } from './support/images.ts';
import { launchInstance } from './support/launched-instance.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { useSharedGuest } from './support/shared-guest.ts';
import { defineBootsectorGuest, type Guest } from './support/tiny-guest.ts';
import { waitUntil } from './support/wait-until.ts';

let darkroom: DarkroomHost;

beforeEach(async () => {
  darkroom = await createDarkroomHost();
});

afterEach(async () => {
  await darkroom?.[Symbol.asyncDispose]();
});

async function backUp(guest: Guest, { type = 'daily', rotation = 2, name = 'nightly' } = {}): Promise<Image> {
  const options = ['--name', name, '--type', type, '--rotation', String(rotation)];
  return parseImage(await darkroom.json(['backup', 'create', guest.name, ...options]));
}

const idsOf = (images: readonly Image[]): readonly string[] => images.map(({ id }) => id);

describe('backups of a running guest', () => {
  const guest = useSharedGuest();

  it('row 29: of a rotation of two the third lets the oldest go, and each holds what there was then', async () => {
    const before = await recordGuest(guest());
    const made: Image[] = [];
    for (const round of ['one', 'two', 'three']) {
      await guest().writeFile('/root/round', `${round}\n`);
      await guest().run('sync');
      made.push(await backUp(guest()));
    }
    const left = await listImages(darkroom);
    expect(idsOf(left)).toEqual([made[2]?.id, made[1]?.id]);
    expect(left[0]?.properties).toMatchObject({
      image_type: 'backup',
      backup_type: 'daily',
      instance_uuid: guest().uuid,
    });
    expect(left[0]?.consistency?.achieved).toBe('quiesced');
    const contents = await Promise.all(
      left.map((image) => readFileInImage(darkroom.store, image, { path: '/root/round' })),
    );
    expect(contents).toEqual(['three\n', 'two\n']);
    await assertClean(before, darkroom);
  });

  it('rows 30 and 31: types rotate by themselves; plain snapshots and backups of others are never touched', async () => {
    await using other = await defineBootsectorGuest();
    const weekly = await backUp(guest(), { type: 'weekly', rotation: 1 });
    const others = await backUp(other, { rotation: 1 });
    const snapshot = parseImage(await darkroom.json(['image', 'create', guest().name, '--name', 'plain']));
    await backUp(guest(), { rotation: 1 });
    const daily = await backUp(guest(), { rotation: 1 });
    expect(idsOf(await listImages(darkroom))).toEqual([daily.id, snapshot.id, others.id, weekly.id]);
  });

  it('row 32: a rotation that is negative, missing or no whole number is refused; 0 keeps none', async () => {
    const create = ['backup', 'create', guest().name, '--name', 'x', '--type', 'daily'];
    for (const wrong of [['--rotation', '-1'], [], ['--rotation', '1.5'], ['--rotation', 'many'], ['--rotation', '']]) {
      expect((await darkroom.run([...create, ...wrong])).exitCode, wrong.join(' ')).toBe(2);
    }
    expect(await listImages(darkroom)).toEqual([]);
    await backUp(guest());
    const none = await darkroom.run([...create, '--rotation', '0']);
    expect([none.exitCode, none.stderr]).toEqual([0, expect.any(String)]);
    expect(await listImages(darkroom)).toEqual([]);
  });

  it('row 33: one that cannot be deleted holds up no other, and does not harm the new one', async () => {
    const first = await backUp(guest(), { rotation: 9 });
    const second = await backUp(guest(), { rotation: 9 });
    await using _clone = await launchInstance(darkroom, first.id, { args: ['--no-start'] });
    const last = await backUp(guest(), { rotation: 1 });
    const left = idsOf(await listImages(darkroom));
    expect(left).toEqual([last.id, first.id]);
    expect(left).not.toContain(second.id);
    const [operation] = await darkroom.json(['operation', 'list', '--kind', 'backup.create']).then(asList);
    expect(operation).toMatchObject({ status: 'succeeded', warnings: [expect.stringContaining(first.id)] });
  });

  it('row 34: one that fails deletes its image, rotates nothing, and leaves the guest as it was', async () => {
    const before = await recordGuest(guest());
    const kept = await backUp(guest(), { rotation: 1 });
    await guest().run('dd if=/dev/urandom of=/root/bulk bs=1M count=24 2>/dev/null; sync');
    const create = darkroom.start(
      ['backup', 'create', guest().name, '--name', 'doomed', '--type', 'daily', '--rotation', '1'],
      { env: { DARKROOM_COPY_BANDWIDTH: '4MiB' } },
    );
    const isCopying = async (): Promise<boolean> => {
      const [operation] = await darkroom.json(['operation', 'list', '--status', 'running']).then(asList);
      return operation?.['step'] === 'copy';
    };
    await waitUntil('it copies', isCopying, { timeoutMs: 20_000 });
    create.kill('SIGINT');
    expect((await create.ended).exitCode).toBe(130);
    expect(idsOf(await listImages(darkroom))).toEqual([kept.id]);
    await guest().run('rm /root/bulk; sync');
    await assertClean(before, darkroom);
  });
});

describe('row 35: backups of instances that are not there to be backed up', () => {
  let off: Guest;

  beforeAll(async () => {
    off = await defineBootsectorGuest();
  });
  afterAll(async () => {
    await off?.[Symbol.asyncDispose]();
  });

  it('is a conflict for one that is shelved', async () => {
    await darkroom.json(['instance', 'shelve', off.name]);
    const refused = await darkroom.run([
      'backup',
      'create',
      off.name,
      '--name',
      'x',
      '--type',
      'daily',
      '--rotation',
      '1',
    ]);
    expect([refused.exitCode, refused.stderr]).toEqual([4, expect.stringContaining('shelved')]);
    await darkroom.json(['instance', 'unshelve', off.name]);
  });
});

function asList(printed: unknown): readonly Record<string, unknown>[] {
  if (!Array.isArray(printed)) throw new Error('no list');
  return printed;
}
