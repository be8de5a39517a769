/** What became of a request, as far as it decides what to do next. */
export type FailureKind =
  | 'transient'
  | 'absent'
  | 'condition'
  | 'no-bucket'
  | 'denied'
  | 'no-credentials'
  | 'no-space'
  | 'skewed'
  | 'region'
  | 'address'
  | 'certificate'
  | 'other';

export interface Failure {
  readonly kind: FailureKind;
  /** S3's code (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), Node's, or the name of the error. */
  readonly code: string;
  readonly httpStatus: number | null;
}

/** An attempt that heard nothing for so long that it was given up. */
export class Silence extends Error {
  override readonly name = 'Silence';
}

/** A connection that ended before its time, as Node has it. */
export function brokenOff(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' });
}

/** No answer came: from the client library, or by our own patience. A server that says so (RequestTimeout) did answer. */
export function isSilence(error: unknown): boolean {
  return error instanceof Error && (error.name === 'Silence' || error.name === 'TimeoutError');
}

const KINDS: Readonly<Record<string, FailureKind>> = {
  ...fill('absent', ['NoSuchKey', 'NotFound', 'NoSuchUpload']),
  ...fill('condition', ['PreconditionFailed']),
  ...fill('no-bucket', ['NoSuchBucket', 'InvalidBucketName']),
  ...fill('denied', [
    ...[
      'AccessDenied',
      'AllAccessDisabled',
      'AccountProblem',
      'Forbidden',
      'InvalidAccessKeyId',
      'SignatureDoesNotMatch',
    ],
    ...['ExpiredToken', 'InvalidToken', 'TokenRefreshRequired', 'UserSuspended'],
  ]),
  ...fill('no-credentials', ['CredentialsProviderError', 'TokenProviderError']),
  ...fill('no-space', ['QuotaExceeded', 'InsufficientStorage', 'InsufficientCapacity', 'XMinioStorageFull']),
  ...fill('skewed', ['RequestTimeTooSkewed', 'RequestExpired']),
  ...fill('region', ['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException']),
  ...fill('address', ['ENOTFOUND', 'EPROTO', 'ERR_INVALID_URL', 'HPE_INVALID_CONSTANT']),
  ...fill('certificate', [
    ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_HAS_EXPIRED'],
    ...['CERT_NOT_YET_VALID', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ]),
  ...fill('transient', [
    ...['Silence', 'TimeoutError', 'RequestTimeout', 'RequestTimeoutException', 'SlowDown', 'Throttling'],
    ...['ThrottlingException', 'TooManyRequests', 'RequestLimitExceeded', 'BandwidthLimitExceeded', 'Busy'],
    ...[
      'InternalError',
      'ServiceUnavailable',
      'OperationAborted',
      'ConditionalRequestConflict',
      'ConcurrentModification',
    ],
    // what arrived is not what was sent: the next try has another chance
    ...['BadDigest', 'XAmzContentSHA256Mismatch', 'IncompleteBody', 'ERR_STREAM_PREMATURE_CLOSE'],
    ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN'],
    ...['ENETUNREACH', 'ENETDOWN', 'EAI_AGAIN', 'ERR_SOCKET_CONNECTION_TIMEOUT'],
  ]),
};

const KINDS_BY_STATUS: Readonly<Record<number, FailureKind>> = {
  301: 'region',
  403: 'denied',
  404: 'absent',
  408: 'transient',
  412: 'condition',
  429: 'transient',
  507: 'no-space',
};

/** Reads what the SDK threw. Codes count before HTTP statuses, because several servers share the codes but not the statuses. */
export function classifyFailure(error: unknown): Failure {
  const httpStatus = statusOf(error);
  const codes = codesOf(error);
  const known = codes.find((code) => KINDS[code] !== undefined);
  const kind = (known === undefined ? undefined : KINDS[known]) ?? kindOfStatus(httpStatus) ?? 'other';
  return { kind, code: known ?? codes[0] ?? 'unknown', httpStatus };
}

function kindOfStatus(httpStatus: number | null): FailureKind | undefined {
  if (httpStatus === null) return undefined;
  return KINDS_BY_STATUS[httpStatus] ?? (httpStatus >= 500 ? 'transient' : undefined);
}

function statusOf(error: unknown): number | null {
  const metadata = property(error, '$metadata');
  const status = property(metadata, 'httpStatusCode');
  return typeof status === 'number' ? status : null;
}

/** Node gives a system call's code as `code`, the SDK S3's as `name`; several addresses that failed come as `errors`. */
function codesOf(error: unknown): readonly string[] {
  const inner = property(error, 'errors');
  const own = [property(error, 'code'), property(error, 'Code'), property(error, 'name')];
  return [...own, ...(Array.isArray(inner) ? inner.map((one) => property(one, 'code')) : [])].filter(
    (code) => typeof code === 'string',
  );
}

function property(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Reflect.get(value, name);
}

function fill(kind: FailureKind, codes: readonly string[]): Record<string, FailureKind> {
  return Object.fromEntries(codes.map((code) => [code, kind]));
}
