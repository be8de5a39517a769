import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { DarkroomError } from '../../../../model/errors.ts';
import type { ObjectEntry } from '../bucket.ts';
import { bodyOf, discardBody } from './body.ts';
import { classifyFailure } from './classify-failure.ts';
import type { Connection } from './connection.ts';
import { replaced } from './keep-part-lists.ts';
import type { Part } from './part-plan.ts';

/**
 * A range of an object into the beginning of a buffer. A connection that breaks is taken up where it stopped. STORE_UNUSABLE when the
 * object is not the one that was seen before.
 */
export async function fetchRange(
  connection: Connection,
  range: { readonly entry: ObjectEntry; readonly part: Part },
  options: { readonly buffer: Buffer; readonly signal: AbortSignal },
): Promise<Buffer> {
  const { entry, part } = range;
  const { buffer, signal } = options;
  const target = buffer.subarray(0, part.lengthBytes);
  let filled = 0;
  const run = { action: 'download' as const, key: entry.key, signal, progress: () => filled };
  await connection.run(run, async (s3, { abortSignal }) => {
    const first = part.offsetBytes + filled;
    const request = {
      Bucket: connection.bucketName,
      Key: connection.fullKey(entry.key),
      IfMatch: entry.etag,
      Range: `bytes=${first}-${part.offsetBytes + part.lengthBytes - 1}`,
    };
    const answer = await s3.getObject(request, { abortSignal }).catch((error: unknown) => {
      throw isReplaced(error) ? replaced(connection, entry) : error;
    });
    assertRange(answer, { first, connection, entry });
    for await (const piece of bodyOf(answer)) {
      if (piece.copy(target, filled) < piece.length) throw wrongAnswer(connection, entry);
      filled += piece.length;
    }
    if (filled < target.length) throw Object.assign(new Error('the answer ended early'), { code: 'ECONNRESET' });
  });
  return target;
}

function isReplaced(error: unknown): boolean {
  const { kind, code } = classifyFailure(error);
  return kind === 'condition' || kind === 'absent' || code === 'InvalidRange';
}

/** A server that does not know ranges, or something in between that does not, gives the whole. */
function assertRange(
  answer: GetObjectCommandOutput,
  expected: { readonly first: number; readonly connection: Connection; readonly entry: ObjectEntry },
): void {
  if (answer.ContentRange?.startsWith(`bytes ${expected.first}-`) === true) return;
  discardBody(answer);
  throw wrongAnswer(expected.connection, expected.entry);
}

function wrongAnswer({ options }: Connection, { key }: ObjectEntry): DarkroomError {
  const message = `${options.location} answers with other bytes of ${key} than it was asked for: see whether a proxy stands in between`;
  return new DarkroomError('STORE_UNUSABLE', message, { fields: { key } });
}
