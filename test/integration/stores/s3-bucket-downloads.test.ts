import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { createBucket } from '../../../src/drivers/stores/s3/bucket/create-bucket.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { type SeenRequest, s3Error, startStandIn } from '../../support/s3-stand-in.ts';
import { MIB, makeFile, setCredentials, sha256 } from './bucket-answers.ts';

beforeEach(setCredentials);

describe('what comes in pieces', () => {
  const content = Buffer.concat([randomBytes(4 * MIB), Buffer.alloc(2 * MIB), randomBytes(MIB)]);
  const entry = { key: 'disk', sizeBytes: content.length, etag: '"e"', modifiedAt: '2026-01-01T00:00:00.000Z' };
  const list = JSON.stringify({
    version: 1,
    lists: [{ etag: '"e"', sizeBytes: content.length, partBytes: content.length, sha256: [sha256(content)] }],
  });

  function serveRange({ headers }: SeenRequest, change: (body: Buffer) => Buffer = (body) => body) {
    const [, from = '0', to = '0'] = /bytes=(\d+)-(\d+)/.exec(headers.range ?? '') ?? [];
    const body = change(content.subarray(Number(from), Number(to) + 1));
    const range = `bytes ${from}-${to}/${content.length}`;
    const length = { 'content-length': String(body.length) };
    return { status: 206, headers: { etag: '"e"', 'content-range': range, ...length }, body };
  }
  const eachMiB = (): string[] => [0, 1, 2, 3, 4, 5, 6].map((at) => sha256(content.subarray(at * MIB, (at + 1) * MIB)));
  const isList = ({ line }: SeenRequest): boolean => line.includes('.parts');

  it('goes on where the connection broke, again and again', async () => {
    const ranges: string[] = [];
    await using server = await startStandIn((request) => {
      if (isList(request)) return { status: 200, body: list };
      ranges.push(request.headers.range ?? '');
      const answer = serveRange(request);
      const { body } = answer;
      return body.length <= MIB ? answer : { ...answer, body: body.subarray(0, MIB), isCut: true };
    });
    const file = await makeFile('');
    await createBucket(server.options({ retryForMs: 300 })).download(entry, file);
    expect((await readFile(file)).equals(content)).toBe(true);
    const last = content.length - 1;
    expect(ranges).toEqual([0, 1, 2, 3, 4, 5, 6].map((begin) => `bytes=${begin * MIB}-${last}`));
  });

  it('takes the answer of what stands in between and passes on pieces of any length, which it asks for once more only', async () => {
    const ranges: string[] = [];
    const parts = {
      version: 1,
      lists: [{ etag: '"e"', sizeBytes: content.length, partBytes: MIB, sha256: eachMiB() }],
    };
    await using server = await startStandIn((request) => {
      if (isList(request)) return { status: 200, body: JSON.stringify(parts) };
      ranges.push(request.headers.range ?? '');
      const { status, body, headers } = serveRange(request);
      return { status, body, headers: { 'content-range': headers['content-range'] } };
    });
    const file = await makeFile('');
    await createBucket(server.options({ concurrency: 1 })).download(entry, file);
    expect((await readFile(file)).equals(content)).toBe(true);
    expect(ranges).toHaveLength(8);
    expect(new Set(ranges).size).toBe(7);
  });

  it('asks for each part once', async () => {
    const parts = {
      version: 1,
      lists: [{ etag: '"e"', sizeBytes: content.length, partBytes: MIB, sha256: eachMiB() }],
    };
    await using server = await startStandIn((request) =>
      isList(request) ? { status: 200, body: JSON.stringify(parts) } : serveRange(request),
    );
    const file = await makeFile('');
    await createBucket(server.options()).download(entry, file);
    expect((await readFile(file)).equals(content)).toBe(true);
    expect(server.requests.filter((request) => !isList(request))).toHaveLength(7);
  });

  it('fetches a part that arrived damaged a second time', async () => {
    let ranges = 0;
    await using server = await startStandIn((request) => {
      if (isList(request)) return { status: 200, body: list };
      ranges += 1;
      return serveRange(request, ranges === 1 ? (body) => Buffer.alloc(body.length, 'x') : undefined);
    });
    const file = await makeFile('');
    await createBucket(server.options()).download(entry, file);
    expect((await readFile(file)).equals(content)).toBe(true);
    expect(ranges).toBe(2);
  });

  it('gives up a part that is damaged twice, and says which', async () => {
    await using server = await startStandIn((request) =>
      isList(request) ? { status: 200, body: list } : serveRange(request, (body) => Buffer.alloc(body.length, 'x')),
    );
    const error = await expectFailure(
      createBucket(server.options()).download(entry, await makeFile('')),
      'STORE_UNUSABLE',
    );
    expect(error).toMatchObject({ fields: { key: 'disk', part: 1 } });
  });

  it('leaves holes where there are only zeros', async () => {
    await using server = await startStandIn((request) =>
      isList(request) ? { status: 200, body: list } : serveRange(request),
    );
    const file = await makeFile('');
    await createBucket(server.options()).download(entry, file);
    const { size, blocks } = await stat(file);
    expect(size).toBe(content.length);
    expect(blocks * 512).toBeLessThanOrEqual(content.length - MIB);
  });

  it.each([
    ['a damaged list of parts', '{"version":1}'],
    [
      'the list of another object',
      JSON.stringify({ version: 1, lists: [{ etag: null, sizeBytes: 1, partBytes: 1, sha256: ['0'.repeat(64)] }] }),
    ],
    ['no JSON', 'x'],
  ])('refuses what has %s', async (_what, body) => {
    await using server = await startStandIn(() => ({ status: 200, body }));
    await expectFailure(createBucket(server.options()).download(entry, await makeFile('')), 'STORE_UNUSABLE');
  });

  it('refuses the whole where a range was asked for', async () => {
    await using server = await startStandIn((request) =>
      isList(request) ? s3Error(404, 'NoSuchKey') : { status: 200, body: content },
    );
    await expectFailure(createBucket(server.options()).download(entry, await makeFile('')), 'STORE_UNUSABLE');
  });
});
