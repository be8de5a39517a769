import { describe, expect, it } from 'vitest';
import { classifyFailure, Silence } from '../../../../../../src/drivers/stores/s3/bucket/classify-failure.ts';
import { type Attempted, translateError } from '../../../../../../src/drivers/stores/s3/bucket/translate-error.ts';
import { DarkroomError } from '../../../../../../src/model/errors.ts';

const answer = (name: string, httpStatusCode: number): Error =>
  Object.assign(new Error(`said ${name}`), { name, $metadata: { httpStatusCode } });
const errno = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });

const reading: Attempted = { action: 'read', object: 's3://b/p/k', endpoint: 'http://h:1' };
const writing: Attempted = { ...reading, action: 'upload' };

describe('what became of a request', () => {
  it.each([
    ['a refused connection', errno('ECONNREFUSED'), 'transient'],
    ['a reset connection', errno('ECONNRESET'), 'transient'],
    ['several addresses that refuse', Object.assign(new Error(''), { errors: [errno('ECONNREFUSED')] }), 'transient'],
    ['silence', new Silence('10 s'), 'transient'],
    ['a timeout of the SDK', answer('TimeoutError', 0), 'transient'],
    ['SlowDown', answer('SlowDown', 503), 'transient'],
    ['an InternalError with 200', answer('InternalError', 200), 'transient'],
    ['a 502 of a proxy, which is no XML', answer('SyntaxError', 502), 'transient'],
    ['too many requests', answer('Whatever', 429), 'transient'],
    ['two who write at once', answer('ConditionalRequestConflict', 409), 'transient'],
    ['a part that arrived damaged', answer('XAmzContentSHA256Mismatch', 400), 'transient'],
    ['a wrong secret', answer('SignatureDoesNotMatch', 403), 'denied'],
    ['a refusal without a body', answer('Unknown', 403), 'denied'],
    ['a missing object', answer('NoSuchKey', 404), 'absent'],
    ['a missing object without a body', answer('NotFound', 404), 'absent'],
    ['a missing bucket', answer('NoSuchBucket', 404), 'no-bucket'],
    ['a condition that is not met', answer('PreconditionFailed', 412), 'condition'],
    ['a quota', answer('QuotaExceeded', 403), 'no-space'],
    ['a full server', answer('InsufficientStorage', 507), 'no-space'],
    ['a wrong clock', answer('RequestTimeTooSkewed', 403), 'skewed'],
    ['another region', answer('PermanentRedirect', 301), 'region'],
    ['a name that nobody knows', errno('ENOTFOUND'), 'address'],
    ['TLS to a server without', errno('EPROTO'), 'address'],
    ['a certificate of nobody', errno('SELF_SIGNED_CERT_IN_CHAIN'), 'certificate'],
    ['credentials that are not there', answer('CredentialsProviderError', 0), 'no-credentials'],
    ['a wrong request', answer('InvalidArgument', 400), 'other'],
    ['what is no error', 'text', 'other'],
  ])('%s', (_what, error, kind) => {
    expect(classifyFailure(error).kind).toBe(kind);
  });
});

describe('errors of a bucket', () => {
  it.each([
    [errno('ECONNREFUSED'), 'STORE_UNUSABLE', 'STORE_WRITE_FAILED', 'cannot be reached'],
    [answer('SlowDown', 503), 'STORE_UNUSABLE', 'STORE_WRITE_FAILED', 'does not keep up'],
    [answer('InvalidArgument', 400), 'STORE_UNUSABLE', 'STORE_WRITE_FAILED', 'said InvalidArgument'],
    [answer('AccessDenied', 403), 'STORE_UNUSABLE', 'STORE_UNUSABLE', 'access key and secret'],
    [answer('NoSuchBucket', 404), 'STORE_UNUSABLE', 'STORE_UNUSABLE', 'no such bucket'],
    [answer('RequestTimeTooSkewed', 403), 'STORE_UNUSABLE', 'STORE_UNUSABLE', 'clock'],
    [answer('PermanentRedirect', 301), 'STORE_UNUSABLE', 'STORE_UNUSABLE', 'region'],
    [errno('ENOTFOUND'), 'STORE_UNUSABLE', 'STORE_UNUSABLE', 'endpoint'],
    [errno('CERT_HAS_EXPIRED'), 'STORE_UNUSABLE', 'STORE_UNUSABLE', 'certificate'],
    [answer('QuotaExceeded', 403), 'NO_SPACE', 'NO_SPACE', 'quota'],
    [answer('Whatever', 507), 'NO_SPACE', 'NO_SPACE', 'no space left'],
  ])('%s: %s for reading, %s for writing, with a remedy', (error, forReading, forWriting, words) => {
    const [read, write] = [translateError(error, reading), translateError(error, writing)];
    expect([read.code, write.code]).toEqual([forReading, forWriting]);
    expect(write.message).toContain(words);
    expect(write.message).toContain('Cannot upload s3://b/p/k at http://h:1');
    expect(write.fields).toMatchObject({ object: 's3://b/p/k', endpoint: 'http://h:1' });
  });

  it('leaves alone what is translated already', () => {
    const own = new DarkroomError('CANCELLED', 'enough');
    expect(translateError(own, reading)).toBe(own);
  });
});
