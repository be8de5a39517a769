import type { DeleteObjectsCommandOutput } from '@aws-sdk/client-s3';
import { mapConcurrently } from '../../../../lib/async.ts';
import { classifyFailure } from './classify-failure.ts';
import type { Connection } from './connection.ts';

/** What DeleteObjects takes at once. */
const MOST_AT_ONCE = 1_000;
const SIDE_BY_SIDE = 4;

/** DeleteObjects, a thousand at a time; one that is left is an error that names it. No error for what is not there. */
export async function removeObjects(connection: Connection, keys: readonly string[]): Promise<void> {
  const batches = Array.from({ length: Math.ceil(keys.length / MOST_AT_ONCE) }, (_unused, index) =>
    keys.slice(index * MOST_AT_ONCE, (index + 1) * MOST_AT_ONCE),
  );
  await mapConcurrently(batches, SIDE_BY_SIDE, (batch) => removeBatch(connection, batch));
}

async function removeBatch(connection: Connection, batch: readonly string[]): Promise<void> {
  const Objects = batch.map((key) => ({ Key: connection.fullKey(key) }));
  const run = { action: 'remove' as const, key: batch.length === 1 ? (batch[0] ?? '') : '' };
  await connection.run(run, async (s3, { abortSignal }) => {
    const request = { Bucket: connection.bucketName, Delete: { Objects, Quiet: true } };
    assertAllGone(await s3.deleteObjects(request, { abortSignal }));
  });
}

/** Each object has a failure of its own in an answer that is a success. */
function assertAllGone(answer: DeleteObjectsCommandOutput): void {
  const left = answer.Errors?.find(({ Code }) => classifyFailure({ code: Code }).kind !== 'absent');
  if (left === undefined) return;
  throw Object.assign(new Error(`${left.Key ?? 'an object'} is left: ${left.Message ?? 'no reason given'}`), {
    name: left.Code ?? 'UnknownError',
  });
}
