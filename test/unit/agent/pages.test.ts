import { describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/agent/app.ts';
import { takePage } from '../../../src/model/pages.ts';
import { FakeApplication } from './fake-application.ts';
import { sampleBackup, sampleImage, sampleInstance, sampleOperation, sampleSnapshot, sampleVolume } from './samples.ts';

const IDS = ['id-1', 'id-2', 'id-3', 'id-4', 'id-5'];

function manyThings(): FakeApplication {
  const application = new FakeApplication();
  const of = <Item>(sample: Item) => IDS.map((id) => ({ ...sample, id, name: `名 & ${id}` }));
  return Object.assign(application, {
    images: { ...application.images, list: async (filter = {}) => takePage(of(sampleImage), filter) },
    backups: { ...application.backups, list: async (filter = {}) => takePage(of(sampleBackup), filter) },
    instances: { ...application.instances, list: async (filter = {}) => takePage(of(sampleInstance), filter) },
    volumes: { ...application.volumes, list: async (filter = {}) => takePage(of(sampleVolume), filter) },
    snapshots: { ...application.snapshots, list: async (filter = {}) => takePage(of(sampleSnapshot), filter) },
    operations: { ...application.operations, list: async (filter = {}) => takePage(of(sampleOperation), filter) },
  });
}

const LISTS = ['/v1/images', '/v1/backups', '/v1/instances', '/v1/volumes', '/v1/snapshots', '/v1/operations'];

describe('pages of lists', () => {
  it.each(LISTS)('%s is walked through by its links', async (list) => {
    const app = buildApp({ application: manyThings() });
    const seen: string[][] = [];
    for (let url: string | null = `${list}?limit=2`; url !== null; ) {
      const response = await app.inject({ url });
      seen.push(response.json<{ id: string }[]>().map(({ id }) => id));
      url = nextOf(response.headers['link']);
    }
    expect(seen).toEqual([['id-1', 'id-2'], ['id-3', 'id-4'], ['id-5']]);
  });

  it.each(LISTS)('%s has no link when it ends with the page, nor without a limit', async (list) => {
    const app = buildApp({ application: manyThings() });
    const exact = await app.inject({ url: `${list}?limit=5` });
    expect([exact.json().length, exact.headers['link']]).toEqual([5, undefined]);
    const whole = await app.inject({ url: list });
    expect([whole.json().length, whole.headers['link']]).toEqual([5, undefined]);
  });

  it('keeps the filters in the link, encoded', async () => {
    const app = buildApp({ application: manyThings() });
    const name = '名 & <id> "1"';
    const { headers } = await app.inject({ url: `/v1/images?limit=1&name=${encodeURIComponent(name)}` });
    const link = headers['link'];
    expect(link).toMatch(/^<[\x21-\x7e]+>; rel="next"$/);
    expect(new URL(nextOf(link) ?? '', 'http://agent').searchParams.get('name')).toBe(name);
  });

  it.each(['0', '-1', '1.5', '1e3', '0x10', '', '10001', '1&limit=2', '99999999999999999999', 'x'])(
    'refuses the limit %s',
    async (limit) => {
      for (const list of LISTS) {
        const response = await buildApp({ application: manyThings() }).inject({ url: `${list}?limit=${limit}` });
        expect(response.statusCode).toBe(400);
        expect(response.json().error).toMatchObject({ code: 'INVALID_REQUEST', fields: { field: 'limit' } });
      }
    },
  );

  it('refuses a marker that the list does not hold', async () => {
    const response = await buildApp({ application: manyThings() }).inject({ url: '/v1/images?marker=gone' });
    expect([response.statusCode, response.json().error.code]).toEqual([400, 'INVALID_REQUEST']);
  });
});

function nextOf(link: unknown): string | null {
  return typeof link === 'string' ? (/^<([^>]+)>; rel="next"$/.exec(link)?.[1] ?? null) : null;
}
