import { DarkroomError, type ErrorCode } from '../../../../model/errors.ts';
import { classifyFailure, type FailureKind, isSilence } from './classify-failure.ts';
import { isUnconnected } from './describe-trouble.ts';

/** What was tried, for the words and the code of the error. */
export interface Attempted {
  /** As in "cannot read s3://…". */
  readonly action: 'read' | 'list' | 'write' | 'remove' | 'upload' | 'download' | 'open';
  /** s3://bucket/prefix/key */
  readonly object: string;
  /** Where to: an address, without credentials. */
  readonly endpoint: string;
  readonly effort?: Effort;
}

/** What was done before it was given up. */
export interface Effort {
  readonly tries: number;
  readonly lastedMs: number;
}

const WRITING: readonly Attempted['action'][] = ['write', 'remove', 'upload'];

const REMEDIES: Readonly<Record<FailureKind, string>> = {
  transient:
    'the server cannot be reached or does not keep up: see that it runs and that the network is there, then try again',
  absent: 'it is not there (any more)',
  condition: 'somebody else changed it meanwhile: try again',
  'no-bucket': 'there is no such bucket: create it, or correct the name in the configuration',
  denied:
    'access was refused: see that the access key and secret are right and may list the bucket and read, write and delete objects in it',
  'no-credentials': 'no usable credentials',
  'no-space': 'the server has no space left, or a quota is reached: free some, raise the quota, or delete images',
  skewed: "this host's clock and the server's differ by more than 15 minutes: set the clock (chronyc makestep)",
  region: 'the bucket is in another region: correct the region in the configuration',
  address:
    'no S3 server answers at this address: correct the endpoint in the configuration (http:// or https://, host, port)',
  certificate:
    "the server's certificate is not trusted: add its authority to the system's, and set NODE_EXTRA_CA_CERTS",
  other: 'the server refused the request',
};

/** A full Ceph pool does not refuse writes: it lets them wait, and goes on answering what reads. */
const STUCK =
  'the server takes connections but does not answer writes: look whether its storage is full or has lost too many disks ' +
  '(Ceph: ceph health detail, ceph df), make room there, then try again';

/** STORE_UNUSABLE, for writing that failed on its way STORE_WRITE_FAILED, NO_SPACE. What is a DarkroomError already stays as it is. */
export function translateError(error: unknown, attempted: Attempted): DarkroomError {
  if (error instanceof DarkroomError) return error;
  const { kind, code, httpStatus } = classifyFailure(error);
  const status = httpStatus === null ? code : `${code}, HTTP ${httpStatus}`;
  const said = error instanceof Error && tellsMore(error.message, code) ? ` (${firstLine(error.message)})` : '';
  const seen = `${status}${said}${kind === 'transient' ? describeEffort(attempted) : ''}`;
  const remedy = isStuck(error, attempted) ? STUCK : REMEDIES[kind];
  const message = `Cannot ${attempted.action} ${attempted.object} at ${attempted.endpoint}: ${seen}: ${remedy}`;
  const fields = { object: attempted.object, endpoint: attempted.endpoint, s3Code: code, httpStatus };
  return new DarkroomError(errorCode(kind, attempted.action), message, { fields, cause: error });
}

/** Where a server gives no words the client library has these. */
function tellsMore(message: string, code: string): boolean {
  return message !== code && message !== 'UnknownError';
}

function describeEffort({ effort }: Attempted): string {
  if (effort === undefined || effort.tries < 2) return '';
  return `, ${effort.tries} tries in ${Math.round(effort.lastedMs / 1000)} s`;
}

function isStuck(error: unknown, { action }: Attempted): boolean {
  return WRITING.includes(action) && isSilence(error) && !isUnconnected(error);
}

function errorCode(kind: FailureKind, action: Attempted['action']): ErrorCode {
  if (kind === 'no-space') return 'NO_SPACE';
  const isOnItsWay = kind === 'transient' || kind === 'absent' || kind === 'condition' || kind === 'other';
  return isOnItsWay && WRITING.includes(action) ? 'STORE_WRITE_FAILED' : 'STORE_UNUSABLE';
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 200);
}
