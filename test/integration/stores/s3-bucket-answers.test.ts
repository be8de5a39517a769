import { chmod } from 'node:fs/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createBucket } from '../../../src/drivers/stores/s3/bucket/create-bucket.ts';
import type { ErrorCode } from '../../../src/model/errors.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { s3Error, startStandIn } from '../../support/s3-stand-in.ts';
import { makeFile, OK, setCredentials } from './bucket-answers.ts';

beforeEach(setCredentials);

const LIMIT = { maxBytes: 1000 };

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
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent/none');
    vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent/none');
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
