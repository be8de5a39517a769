import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFakeImageStore, type FakeImageStore } from '../../support/fake-image-store.ts';
import { makeImage, publishImage } from '../../support/sample-images.ts';
import { type ServedHost, serveHost } from '../../support/served-host.ts';

const IDS = [1, 2, 3].map((number) => `3f1c1d5e-5a6b-4c7d-8e9f-00000000000${number}`);
const [FIRST = '', SECOND = '', LAST = ''] = IDS;

let store: FakeImageStore;
let host: ServedHost;

beforeEach(async () => {
  store = createFakeImageStore();
  host = serveHost({ store });
  await host.addPrincipal('ann', 'operator');
  await host.addPrincipal('ron', 'reader');
  for (const [index, id] of IDS.entries()) {
    await publishImage(store, makeImage(id, { owner: id === LAST ? 'ron' : 'ann' }));
    const deletedAt = `2026-03-0${index + 1}T00:00:00.000Z`;
    await store.recycleImage(id, { deletedAt, deletedBy: 'ann', expiresAt: '2026-04-01T00:00:00.000Z' });
  }
});
afterEach(() => store.dispose());

describe('GET /v1/recycled-images', () => {
  it('lists the caller’s own, last deleted first', async () => {
    const list = async (who: string | null) =>
      (await host.send(who, { method: 'GET', url: '/v1/recycled-images' })).json().map(({ id }: { id: string }) => id);
    expect(await list('ann')).toEqual([SECOND, FIRST]);
    expect(await list('ron')).toEqual([LAST]);
    expect(await list(null)).toEqual([LAST, SECOND, FIRST]);
  });

  it('comes in pages', async () => {
    const answer = await host.send(null, { method: 'GET', url: '/v1/recycled-images?limit=2' });
    expect(answer.json()).toHaveLength(2);
    expect(answer.headers['link']).toBe(`</v1/recycled-images?limit=2&marker=${SECOND}>; rel="next"`);
  });
});

describe('POST /v1/images/:image/undelete', () => {
  it('answers with the image, and then knows of no deleted one', async () => {
    const undelete = { method: 'POST' as const, url: `/v1/images/${FIRST}/undelete` };
    const answer = await host.send('ann', undelete);
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ id: FIRST, status: 'active' });
    expect((await host.send('ann', undelete)).json()).toMatchObject({ error: { code: 'IMAGE_NOT_FOUND' } });
  });

  it('is not for readers, nor for what is somebody else’s', async () => {
    const undelete = (id: string) => ({ method: 'POST' as const, url: `/v1/images/${id}/undelete` });
    expect((await host.send('ron', undelete(LAST))).statusCode).toBe(403);
    expect((await host.send('ann', undelete(LAST))).statusCode).toBe(404);
  });
});

describe('DELETE /v1/recycled-images/:image', () => {
  it('deletes for good, once', async () => {
    const purge = { method: 'DELETE' as const, url: `/v1/recycled-images/${FIRST}` };
    expect((await host.send('ron', purge)).statusCode).toBe(403);
    expect((await host.send('ann', purge)).statusCode).toBe(204);
    expect((await host.send('ann', purge)).statusCode).toBe(404);
    expect((await store.listRecycled()).recycled).toHaveLength(2);
  });

  it('touches no image that was not deleted', async () => {
    await store.restoreImage(FIRST);
    const answer = await host.send('ann', { method: 'DELETE', url: `/v1/recycled-images/${FIRST}` });
    expect(answer.statusCode).toBe(404);
    expect((await store.readImage(FIRST)).status).toBe('active');
  });
});
