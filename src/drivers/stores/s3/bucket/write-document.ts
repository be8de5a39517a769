import type { PutObjectCommandInput, S3 } from '@aws-sdk/client-s3';
import type { Bucket } from '../bucket.ts';
import { classifyFailure } from './classify-failure.ts';
import type { Attempt, Connection } from './connection.ts';
import { encryptionFields } from './encryption.ts';
import { DOCUMENT_ATTEMPT_MS, readDocument } from './read-document.ts';

type Condition = NonNullable<Parameters<Bucket['put']>[2]>;
type Written = { readonly etag: string };

export interface Document {
  readonly key: string;
  readonly content: Buffer | string;
  readonly condition?: Condition | undefined;
}

/**
 * PutObject, with If-None-Match or If-Match where there is a condition
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html). null when it is not met.
 */
export async function writeDocument(connection: Connection, document: Document): Promise<Written | null> {
  const { key, condition } = document;
  const content = Buffer.from(document.content);
  let failedBefore = 0;
  for (const fields of conditionForms(condition, connection)) {
    const outcome = await putOnce(connection, { key, content, fields });
    failedBefore += outcome.failedBefore;
    if (outcome.etag === null) continue;
    connection.dialect.hasQuotedEtags ??= fields.IfMatch?.startsWith('"') ?? null;
    return { etag: outcome.etag };
  }
  return failedBefore === 0 ? null : await findOwn(connection, { key, content });
}

type ConditionFields = Pick<PutObjectCommandInput, 'IfNoneMatch' | 'IfMatch'>;

/** Ceph before 19 compares If-Match of a PUT with its bare etag, others want the quotes: both are tried until one was right. */
function conditionForms(condition: Condition | undefined, connection: Connection): readonly ConditionFields[] {
  if (condition === undefined) return [{}];
  if (!('ifMatch' in condition)) return [{ IfNoneMatch: '*' }];
  const bare = condition.ifMatch.replaceAll('"', '');
  const { hasQuotedEtags } = connection.dialect;
  const forms = hasQuotedEtags === null ? [bare, `"${bare}"`] : [hasQuotedEtags ? `"${bare}"` : bare];
  return forms.map((form) => ({ IfMatch: form }));
}

interface Outcome {
  /** null: the condition was not met. */
  readonly etag: string | null;
  readonly failedBefore: number;
}

async function putOnce(
  connection: Connection,
  put: { readonly key: string; readonly content: Buffer; readonly fields: ConditionFields },
): Promise<Outcome> {
  const request = {
    Bucket: connection.bucketName,
    Key: connection.fullKey(put.key),
    Body: put.content,
    ...put.fields,
    ...encryptionFields(connection.options),
  };
  const run = { action: 'write' as const, key: put.key, attemptMs: DOCUMENT_ATTEMPT_MS };
  return await connection.run(run, (s3, attempt) => send(s3, { request, attempt }));
}

async function send(
  s3: S3,
  options: { readonly request: PutObjectCommandInput; readonly attempt: Attempt },
): Promise<Outcome> {
  const { request, attempt } = options;
  const { abortSignal, failedBefore } = attempt;
  try {
    const answer = await s3.putObject(request, { abortSignal });
    return { etag: answer.ETag ?? '', failedBefore };
  } catch (error) {
    if (isUnmet(error, request)) return { etag: null, failedBefore };
    throw error;
  }
}

/** If-Match where nothing is there (any more) is answered by "not found". */
function isUnmet(error: unknown, request: PutObjectCommandInput): boolean {
  const { kind } = classifyFailure(error);
  return kind === 'condition' || (kind === 'absent' && request.IfMatch !== undefined);
}

/** An attempt whose answer was lost may have done it: then this content is there. */
async function findOwn(
  connection: Connection,
  written: { readonly key: string; readonly content: Buffer },
): Promise<Written | null> {
  const maxBytes = Number.MAX_SAFE_INTEGER;
  const found = await readDocument(connection, written.key, { maxBytes });
  return found?.content.equals(written.content) === true ? { etag: found.etag } : null;
}
