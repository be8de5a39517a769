import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createBucket } from '../../../src/drivers/stores/s3/bucket/create-bucket.ts';
import type { ErrorCode } from '../../../src/model/errors.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { type Answerer, type SeenRequest, s3Error, startStandIn } from '../../support/s3-stand-in.ts';

const MIB = 1024 * 1024;
const LIMIT = { maxBytes: 1000 };
const OK = { status: 200, headers: { etag: '"e"' } };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'dr-bkt-answers-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKTEST');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'sekret-value');
  return () => vi.unstubAllEnvs();
});

async function makeFile(content: Buffer | string, mode = 0o600): Promise<string> {
  const file = path.join(folder, randomBytes(6).toString('hex'));
  await writeFile(file, content);
  await chmod(file, mode);
  return file;
}

/** What a bucket says about a multipart upload that goes well. */
const uploading: Answerer = ({ line, body }) => {
  if (/^GET .*[?&]uploads/.test(line)) return { status: 200, body: '<ListMultipartUploadsResult/>' };
  if (/^POST .*[?&]uploads/.test(line)) {
    return {
      status: 200,
      body: '<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>',
    };
  }
  if (line.startsWith('PUT')) return { status: 200, headers: { etag: `"${md5(body)}"` } };
  if (line.startsWith('POST')) return { status: 200, body: '<CompleteMultipartUploadResult/>' };
  return { status: 404 };
};

const md5 = (body: Buffer): string => createHash('md5').update(body).digest('hex');
const sha256 = (body: Buffer): string => createHash('sha256').update(body).digest('hex');
const isComplete = ({ line }: SeenRequest): boolean => /^POST .*uploadId=/.test(line);

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

describe('answers that are errors', () => {
  it.each<[number, string, ErrorCode, ErrorCode, number]>([
    [403, 'InvalidAccessKeyId', 'STORE_UNUSABLE', 'STORE_UNUSABLE', 1],
    [403, 'SignatureDoesNotMatch', 'STORE_UNUSABLE', 'STORE_UNUSABLE', 1],
    [403, 'RequestTimeTooSkewed', 'STORE_UNUSABLE', 'STORE_UNUSABLE', 1],
    [404, 'NoSuchBucket', 'STORE_UNUSABLE', 'STORE_UNUSABLE', 1],
    [403, 'QuotaExceeded', 'NO_SPACE', 'NO_SPACE', 1],
    [507, 'InsufficientStorage', 'NO_SPACE', 'NO_SPACE', 1],
    [503, 'SlowDown', 'STORE_UNUSABLE', 'STORE_WRITE_FAILED', 2],
    [500, 'InternalError', 'STORE_UNUSABLE', 'STORE_WRITE_FAILED', 2],
  ])('%i %s: %s for reading, %s for writing, no secret', async (status, code, reading, writing, leastRequests) => {
    await using server = await startStandIn(() => s3Error(status, code));
    const bucket = createBucket(server.options({ retryForMs: 500 }));
    const read = await expectFailure(bucket.get('doc', LIMIT), reading);
    const requests = server.requests.length;
    const written = await expectFailure(bucket.put('doc', 'text'), writing);
    expect(leastRequests === 1 ? requests === 1 : requests >= leastRequests).toBe(true);
    expect(`${read.message} ${written.message}`).not.toContain('sekret-value');
    expect(read.message).toContain(code);
  });

  it('comes through a server that asks to slow down', async () => {
    await using server = await startStandIn((_request, before) => (before < 3 ? s3Error(503, 'SlowDown') : OK));
    expect(await createBucket(server.options()).put('doc', 'text')).toEqual({ etag: '"e"' });
    expect(server.requests).toHaveLength(4);
  });

  it('says of an object that could not be removed which, and why', async () => {
    const body =
      '<DeleteResult><Error><Key>darkroom/b</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>';
    await using server = await startStandIn(() => ({ status: 200, body }));
    const error = await expectFailure(createBucket(server.options()).remove(['a', 'b']), 'STORE_UNUSABLE');
    expect(error.message).toContain('darkroom/b');
  });

  it('does not wait for a server that is silent longer than it repeats', async () => {
    const cancel = new AbortController();
    await using server = await startStandIn(() => new Promise(() => undefined));
    const work = createBucket(server.options()).list('a/', cancel.signal);
    const began = performance.now();
    setTimeout(() => cancel.abort(), 200);
    await expectFailure(work, 'CANCELLED');
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

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

describe('credentials', () => {
  const ini =
    '[default]\naws_access_key_id = AKFILE\naws_secret_access_key = s\n[other]\naws_access_key_id = AKOTHER\naws_secret_access_key = s\n';

  it.each([
    ['the default profile', null, 'AKFILE'],
    ['that profile', 'other', 'AKOTHER'],
  ])('come from %s of the file that is named, whatever the environment says', async (_what, profile, key) => {
    await using server = await startStandIn(() => OK);
    const credentialsFile = await makeFile(ini);
    await createBucket(server.options({ credentialsFile, profile })).put('doc', 'text');
    expect(server.requests[0]?.headers['authorization']).toContain(`Credential=${key}/`);
  });

  it('are not taken from a file that others can read', async () => {
    await using server = await startStandIn(() => OK);
    const credentialsFile = await makeFile(ini, 0o644);
    const error = await expectFailure(
      createBucket(server.options({ credentialsFile })).put('doc', 'x'),
      'STORE_UNUSABLE',
    );
    expect(error.message).toContain('is open to others (mode 0644)');
    expect(server.requests).toEqual([]);
  });

  it('are looked for again after the file was mended', async () => {
    await using server = await startStandIn(() => OK);
    const credentialsFile = await makeFile(ini, 0o644);
    const bucket = createBucket(server.options({ credentialsFile }));
    await expectFailure(bucket.put('doc', 'x'), 'STORE_UNUSABLE');
    await chmod(credentialsFile, 0o600);
    expect(await bucket.put('doc', 'x')).toEqual({ etag: '"e"' });
  });

  it('say where they were looked for when there are none', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', '');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', '');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', path.join(folder, 'none'));
    vi.stubEnv('AWS_CONFIG_FILE', path.join(folder, 'none'));
    await using server = await startStandIn(() => OK);
    const error = await expectFailure(createBucket(server.options()).put('doc', 'x'), 'STORE_UNUSABLE');
    for (const place of ['AWS_ACCESS_KEY_ID', '~/.aws/credentials', 'credentials_file']) {
      expect(error.message).toContain(place);
    }
  });

  it('say which profile of which file has none', async () => {
    await using server = await startStandIn(() => OK);
    const credentialsFile = await makeFile(ini);
    const bucket = createBucket(server.options({ credentialsFile, profile: 'third' }));
    const error = await expectFailure(bucket.put('doc', 'x'), 'STORE_UNUSABLE');
    expect(error.message).toContain(`profile [third] of ${credentialsFile}`);
  });
});
