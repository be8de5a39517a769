import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { createS3Shelf } from '../../../../../../src/drivers/stores/s3/shelf/s3-shelf.ts';
import { DarkroomError } from '../../../../../../src/model/errors.ts';
import type { Shelf } from '../../../../../../src/model/ports/shelf.ts';
import { expectFailure } from '../../../../../support/expect-failure.ts';
import { createFakeBucket, type FakeBucket } from '../../../../../support/fake-bucket.ts';
import { makeShelved } from '../../../../../support/sample-shelf.ts';

describe('the shelf in a bucket', () => {
  const id = '11111111-2222-4333-8444-555555555555';
  const key = `instances/${id}.json`;
  let bucket: FakeBucket;
  let shelf: Shelf;
  const shelfIn = (changed: Partial<FakeBucket>) => createS3Shelf({ bucket: { ...bucket, ...changed } });
  const gets = () => bucket.calls.filter((call) => call.startsWith('get '));

  beforeEach(() => {
    bucket = createFakeBucket();
    shelf = createS3Shelf({ bucket });
  });

  it('reads a record again only when it was changed', async () => {
    const ids = [id, randomUUID(), randomUUID()];
    for (const each of ids) await shelf.write(makeShelved(each));
    expect((await shelf.list()).instances).toHaveLength(3);
    expect((await shelf.list()).instances).toHaveLength(3);
    expect(gets()).toHaveLength(3);
    await shelf.write(makeShelved(id, { name: 'renamed' }));
    await shelf.remove(ids[1] ?? '');
    expect((await shelf.list()).instances.map(({ name }) => name)).toEqual(['renamed', 'web']);
    expect(gets()).toHaveLength(4);
  });

  it('lists nothing that went away between the list and the look', async () => {
    await shelf.write(makeShelved(id));
    expect(await shelfIn({ get: async () => null }).list()).toEqual({ instances: [], broken: [] });
  });

  it('ignores objects that are no records', async () => {
    await shelf.write(makeShelved(id));
    const names = ['x.json', `${id}.json~`, `A${id.slice(1)}.json`, `${id}.claim`, `${id}.json/x`, `x/${id}.json`];
    for (const name of names) await bucket.put(`instances/${name}`, 'x');
    expect(await shelf.list()).toMatchObject({ instances: [{ id }], broken: [] });
  });

  it('says that a record is too long, and reads the others', async () => {
    const other = makeShelved(randomUUID());
    await shelf.write(other);
    await bucket.put(key, 'x'.repeat(2 * 1024 * 1024));
    const failure = await expectFailure(shelf.read(id), 'SHELF_DAMAGED');
    expect(failure.message).toContain('more than 1048576 bytes');
    expect(await shelf.list()).toMatchObject({ instances: [other], broken: [{ id }] });
  });

  it('takes no record for broken where the store does not answer', async () => {
    await shelf.write(makeShelved(id));
    const failure = () => Promise.reject(new DarkroomError('STORE_UNUSABLE', 'no answer'));
    await expectFailure(shelfIn({ get: failure, head: failure }).list(), 'STORE_UNUSABLE');
    await expectFailure(shelfIn({ get: failure, head: failure }).read(id), 'STORE_UNUSABLE');
    await expectFailure(shelfIn({ list: failure }).list(), 'STORE_UNUSABLE');
  });

  it('keeps what there is where nothing can be written', async () => {
    const record = makeShelved(id);
    await shelf.write(record);
    const failure = () => Promise.reject(new DarkroomError('STORE_WRITE_FAILED', 'no answer'));
    await expectFailure(shelfIn({ put: failure }).write({ ...record, name: 'new' }), 'STORE_WRITE_FAILED');
    await expectFailure(shelfIn({ remove: failure }).remove(id), 'STORE_WRITE_FAILED');
    expect(await shelf.read(id)).toEqual(record);
  });

  describe('asked whether it can be written to', () => {
    it('says yes and leaves nothing', async () => {
      await shelf.assertWritable();
      expect([...bucket.objects.keys()]).toEqual([]);
    });

    it.each([
      ['creates over what is there', { ifAbsent: true }],
      ['replaces what was changed', { ifMatch: '' }],
    ])('says no, and leaves nothing, where the server %s', async (_, heedless) => {
      const shelfThere = shelfIn({
        put: (where, content, condition) => {
          const isHeeded = condition !== undefined && !Object.keys(heedless).some((name) => name in condition);
          return bucket.put(where, content, isHeeded ? condition : undefined);
        },
      });
      const failure = await expectFailure(shelfThere.assertWritable(), 'STORE_UNUSABLE');
      expect(failure.message).toContain('cannot be shared safely');
      expect([...bucket.objects.keys()]).toEqual([]);
    });

    it.each([
      ['STORE_WRITE_FAILED', 'STORE_UNUSABLE'],
      ['NO_SPACE', 'NO_SPACE'],
      ['STORE_UNUSABLE', 'STORE_UNUSABLE'],
    ] as const)('fails where a write fails by %s: %s', async (seen, told) => {
      const failure = () => Promise.reject(new DarkroomError(seen, 'no'));
      await expectFailure(shelfIn({ put: failure }).assertWritable(), told);
      await expectFailure(shelfIn({ remove: failure }).assertWritable(), told);
    });
  });
});
