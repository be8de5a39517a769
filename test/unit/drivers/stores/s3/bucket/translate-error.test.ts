import { describe, expect, it } from 'vitest';
import { classifyFailure, Silence } from '../../../../../../src/drivers/stores/s3/bucket/classify-failure.ts';
import { describeTrouble } from '../../../../../../src/drivers/stores/s3/bucket/describe-trouble.ts';
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

  it('says how often and how long it was tried', () => {
    const effort = { tries: 8, lastedMs: 14_200 };
    expect(translateError(errno('ECONNREFUSED'), { ...reading, effort }).message).toContain('8 tries in 14 s: ');
    expect(translateError(answer('AccessDenied', 403), { ...reading, effort }).message).not.toContain('tries');
    const once = translateError(errno('ECONNREFUSED'), { ...reading, effort: { tries: 1, lastedMs: 4 } });
    expect(once.message).not.toContain('tries');
  });

  const silence = new Silence('no answer within 10 s');
  it.each([
    ['a write that gets no answer', silence, writing, true],
    ['a write whose connection goes silent', answer('TimeoutError', 0), writing, true],
    ['a read that gets none', silence, reading, false],
    ['a write to a server that refuses', errno('ECONNREFUSED'), writing, false],
    ['a write to a server that says to come again', answer('RequestTimeout', 400), writing, false],
    [
      'a write that finds no connection',
      Object.assign(new Error('the request socket did not establish a connection with the server'), {
        name: 'TimeoutError',
      }),
      ...[writing, false],
    ],
  ] as const)('of %s: advice to look for a full server is as it should be', (_what, error, attempted, isAdvised) => {
    const { code, message } = translateError(error, { ...attempted, effort: { tries: 12, lastedMs: 120_000 } });
    expect(code).toBe(attempted === writing ? 'STORE_WRITE_FAILED' : 'STORE_UNUSABLE');
    expect(message.includes('storage is full')).toBe(isAdvised);
    expect(message).toContain('12 tries in 120 s');
  });

  it('leaves alone what is translated already', () => {
    const own = new DarkroomError('CANCELLED', 'enough');
    expect(translateError(own, reading)).toBe(own);
  });
});

describe('why a request is tried again, for people', () => {
  it.each([
    [errno('ECONNREFUSED'), 'connection refused (ECONNREFUSED)'],
    [answer('SlowDown', 503), 'HTTP 503 (SlowDown)'],
    [new Silence('10 s'), 'no answer (time-out)'],
    [errno('ENETDOWN'), 'ENETDOWN'],
  ])('%s: %s', (error, words) => {
    expect(describeTrouble(error)).toBe(words);
  });
});
