import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { createBucket } from '../../../src/drivers/stores/s3/bucket/create-bucket.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { s3Error, startStandIn } from '../../support/s3-stand-in.ts';
import { isComplete, MIB, makeFile, md5, OK, setCredentials, sha256, uploading } from './bucket-answers.ts';

beforeEach(setCredentials);

describe('what is asked of a server', () => {
  it.each([
    ['nothing where nothing is set', null, null, {}],
    ['the key of the server', 'AES256' as const, null, { 'x-amz-server-side-encryption': 'AES256' }],
    [
      'a key of a key service',
      'aws:kms' as const,
      'key-1',
      { 'x-amz-server-side-encryption': 'aws:kms', 'x-amz-server-side-encryption-aws-kms-key-id': 'key-1' },
    ],
  ])('encryption: %s', async (_what, serverSideEncryption, kmsKeyId, headers) => {
    const sizeBytes = 6 * MIB;
    await using server = await startStandIn((request, before) =>
      request.line.startsWith('HEAD')
        ? { status: 200, headers: { ...OK.headers, 'content-length': String(sizeBytes) } }
        : uploading(request, before),
    );
    const bucket = createBucket(server.options({ serverSideEncryption, kmsKeyId }));
    await bucket.put('doc', 'text');
    await bucket.upload('disk', await makeFile(randomBytes(sizeBytes)));
    const makers = server.requests.filter(({ line }) => /^POST .*uploads|^PUT (?!.*partNumber)/.test(line));
    // the document, the upload, and its list of parts before and after
    expect(makers).toHaveLength(4);
    for (const { headers: sent } of makers) {
      const encryption = Object.entries(sent).filter(([name]) => name.startsWith('x-amz-server-side'));
      expect(Object.fromEntries(encryption)).toEqual(headers);
    }
  });

  it('every part comes with the SHA-256 that it is signed with, and as one piece', async () => {
    const content = randomBytes(12 * MIB);
    await using server = await startStandIn((request, before) =>
      request.line.startsWith('HEAD')
        ? { status: 200, headers: { ...OK.headers, 'content-length': String(content.length) } }
        : uploading(request, before),
    );
    await createBucket(server.options()).upload('disk', await makeFile(content));
    const parts = server.requests.filter(({ line }) => line.includes('partNumber'));
    expect(parts.map(({ body }) => body.length).sort((a, b) => a - b)).toEqual([2 * MIB, 5 * MIB, 5 * MIB]);
    for (const { headers, body } of parts) {
      expect(headers['x-amz-content-sha256']).toBe(sha256(body));
      expect(headers['authorization']).toContain('x-amz-content-sha256');
      expect(headers['content-length']).toBe(String(body.length));
    }
  });
});

describe('answers that are lost', () => {
  it('takes its own document for its own, when the server had it already', async () => {
    let stored: Buffer | null = null;
    await using server = await startStandIn(({ line, body }) => {
      if (line.startsWith('GET')) return { status: 200, headers: { etag: '"mine"' }, body: stored ?? '' };
      if (stored !== null) return s3Error(412, 'PreconditionFailed');
      stored = body;
      return null;
    });
    const bucket = createBucket(server.options());
    expect(await bucket.put('claim', 'mine', { ifAbsent: true })).toEqual({ etag: '"mine"' });
  });

  it('does not take the document of another for its own', async () => {
    await using server = await startStandIn(({ line }, before) => {
      if (line.startsWith('GET')) return { status: 200, headers: OK.headers, body: 'theirs' };
      return before === 0 ? null : s3Error(412, 'PreconditionFailed');
    });
    expect(await createBucket(server.options()).put('claim', 'mine', { ifAbsent: true })).toBeNull();
  });

  it('finds an upload completed, when it hears that there is none any more', async () => {
    const content = randomBytes(6 * MIB);
    const etag = `${md5(Buffer.from(md5(content.subarray(0, 5 * MIB)) + md5(content.subarray(5 * MIB)), 'hex'))}-2`;
    let completions = 0;
    await using server = await startStandIn((request, before) => {
      if (request.line.startsWith('HEAD')) {
        return { status: 200, headers: { etag: `"${etag}"`, 'content-length': String(content.length) } };
      }
      if (!isComplete(request)) return uploading(request, before);
      completions += 1;
      return completions === 1 ? null : s3Error(404, 'NoSuchUpload');
    });
    const entry = await createBucket(server.options()).upload('disk', await makeFile(content));
    expect(entry).toMatchObject({ etag: `"${etag}"`, sizeBytes: content.length });
    expect(completions).toBe(2);
  });

  it.each([
    ['an older object is there', { etag: '"0123-2"', 'content-length': String(6 * MIB) }],
    ['another length is there', { etag: '"0123-2"', 'content-length': '5' }],
  ])('does not take an upload for completed when %s', async (_what, headers) => {
    let completions = 0;
    await using server = await startStandIn((request, before) => {
      if (request.line.startsWith('HEAD')) return { status: 200, headers };
      if (!isComplete(request)) return uploading(request, before);
      completions += 1;
      return completions === 1 ? null : s3Error(404, 'NoSuchUpload');
    });
    const work = createBucket(server.options()).upload('disk', await makeFile(randomBytes(6 * MIB)));
    await expectFailure(work, 'STORE_WRITE_FAILED');
  });

  it('completes again after a success that was none', async () => {
    let completions = 0;
    await using server = await startStandIn((request, before) => {
      if (request.line.startsWith('HEAD')) {
        return { status: 200, headers: { ...OK.headers, 'content-length': String(6 * MIB) } };
      }
      if (!isComplete(request)) return uploading(request, before);
      completions += 1;
      return completions === 1 ? s3Error(200, 'InternalError') : uploading(request, before);
    });
    await createBucket(server.options()).upload('disk', await makeFile(randomBytes(6 * MIB)));
    expect(completions).toBe(2);
  });

  it('notices that what is stored is not as long as what was sent', async () => {
    await using server = await startStandIn((request, before) =>
      request.line.startsWith('HEAD')
        ? { status: 200, headers: { ...OK.headers, 'content-length': '5' } }
        : uploading(request, before),
    );
    const work = createBucket(server.options()).upload('disk', await makeFile('six!!!'));
    await expectFailure(work, 'STORE_WRITE_FAILED');
  });
});

describe('an upload that was begun before', () => {
  const content = randomBytes(12 * MIB);
  const parts = [content.subarray(0, 5 * MIB), content.subarray(5 * MIB, 10 * MIB), content.subarray(10 * MIB)];
  const md5s = parts.map(md5);

  interface Arrived {
    readonly number: number;
    readonly size: number;
    readonly etag: string | undefined;
  }
  function listing(arrived: readonly Arrived[]): string {
    const each = arrived.map(
      ({ number, size, etag }) =>
        `<Part><PartNumber>${number}</PartNumber><Size>${size}</Size><ETag>"${etag}"</ETag></Part>`,
    );
    return `<ListPartsResult>${each.join('')}</ListPartsResult>`;
  }

  it.each<[string, readonly Arrived[], string, readonly number[]]>([
    ['goes on after what is the same', [{ number: 1, size: 5 * MIB, etag: md5s[0] }], 'OLD', [2, 3]],
    ['goes on after the last part too', [{ number: 3, size: 2 * MIB, etag: md5s[2] }], 'OLD', [1, 2]],
    ['sends again what differs', [{ number: 1, size: 5 * MIB, etag: md5s[1] }], 'OLD', [1, 2, 3]],
    ['sends again what cannot be compared', [{ number: 1, size: 5 * MIB, etag: 'opaque' }], 'OLD', [1, 2, 3]],
    ['begins anew where parts are of another length', [{ number: 1, size: 6 * MIB, etag: md5s[0] }], 'U', [1, 2, 3]],
    ['begins anew where there are too many', [{ number: 4, size: 5 * MIB, etag: md5s[0] }], 'U', [1, 2, 3]],
  ])('%s', async (_what, arrived, uploadId, sent) => {
    const begun = (key: string, id: string): string =>
      `<Upload><Key>darkroom/${key}</Key><UploadId>${id}</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload>`;
    const uploads = `<ListMultipartUploadsResult>${begun('disk', 'OLD')}${begun('disk2', 'NOT')}</ListMultipartUploadsResult>`;
    await using server = await startStandIn((request, before) => {
      const { line } = request;
      if (line.startsWith('HEAD')) return { status: 200, headers: { ...OK.headers, 'content-length': `${12 * MIB}` } };
      if (/^GET .*[?&]uploads/.test(line)) return { status: 200, body: uploads };
      if (/^GET .*uploadId=OLD/.test(line)) return { status: 200, body: listing(arrived) };
      return uploading(request, before);
    });
    const seen: number[] = [];
    const onBytes = (total: number): unknown => seen.push(total);
    await createBucket(server.options()).upload('disk', await makeFile(content), { onBytes });
    const puts = server.requests.filter(({ line }) => line.includes('partNumber'));
    expect(puts.map(({ line }) => Number(/partNumber=(\d+)/.exec(line)?.[1])).sort()).toEqual(sent);
    expect(puts.every(({ line }) => line.includes(`uploadId=${uploadId}`))).toBe(true);
    expect(seen.at(-1)).toBe(content.length);
    const completed = String(server.requests.find(isComplete)?.body);
    for (const etag of md5s) expect(completed).toContain(etag);
  });
});
