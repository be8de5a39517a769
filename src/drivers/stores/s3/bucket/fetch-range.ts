import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { DarkroomError } from '../../../../model/errors.ts';
import type { ObjectEntry } from '../bucket.ts';
import { bodyOf, discardBody } from './body.ts';
import { brokenOff, classifyFailure } from './classify-failure.ts';
import type { Connection } from './connection.ts';
import { replaced } from './keep-part-lists.ts';
import type { Part } from './part-plan.ts';
import type { PartSink } from './part-sink.ts';
import type { Wires } from './wires.ts';

/**
 * GetObject of a range, straight into the sink where the server answers it plainly, else by way of the SDK. A connection that breaks is
 * taken up where it stopped. STORE_UNUSABLE when the object is not the one that was seen before.
 */
export async function fetchRange(
  connection: Connection,
  range: { readonly entry: ObjectEntry; readonly part: Part },
  options: { readonly sink: PartSink; readonly signal: AbortSignal; readonly wires: Wires },
): Promise<void> {
  const { entry, part } = range;
  const { sink, signal, wires } = options;
  const { GetObjectCommand } = await import('@aws-sdk/client-s3');
  const run = { action: 'download' as const, key: entry.key, signal, progress: () => sink.filledBytes };
  await connection.run(run, async (s3, { abortSignal }) => {
    const first = part.offsetBytes + sink.filledBytes;
    const lengthBytes = part.lengthBytes - sink.filledBytes;
    const command = new GetObjectCommand({
      Bucket: connection.bucketName,
      Key: connection.fullKey(entry.key),
      IfMatch: entry.etag,
      Range: `bytes=${first}-${first + lengthBytes - 1}`,
    });
    const straight = { range: { firstByte: first, lengthBytes }, intake: sink, signal: abortSignal };
    let isTaken = false;
    command.middlewareStack.add(
      (next) => async (args) => {
        isTaken = await wires.get(args.request, straight);
        return isTaken ? { response: null, output: { $metadata: {} } } : await next(args);
      },
      { step: 'deserialize', priority: 'high' },
    );
    // what an attempt before left is on its way to the file
    await sink.took(0);
    const answer = await s3.send(command, { abortSignal }).catch((error: unknown) => {
      throw isReplaced(error) ? replaced(connection, entry) : error;
    });
    if (isTaken) return;
    assertRange(answer, { first, connection, entry });
    await takeIn(answer, { sink, lengthBytes: part.lengthBytes });
  });
}

async function takeIn(
  answer: GetObjectCommandOutput,
  { sink, lengthBytes }: { readonly sink: PartSink; readonly lengthBytes: number },
): Promise<void> {
  for await (const piece of bodyOf(answer)) {
    const missing = lengthBytes - sink.filledBytes;
    await sink.push(piece.length > missing ? piece.subarray(0, missing) : piece);
  }
  if (sink.filledBytes < lengthBytes) throw brokenOff('the answer ended early');
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
  const { first, connection, entry } = expected;
  if (answer.ContentRange?.startsWith(`bytes ${first}-`) === true) return;
  discardBody(answer);
  const { location } = connection.options;
  const message = `${location} answers with other bytes of ${entry.key} than it was asked for: see whether a proxy stands in between`;
  throw new DarkroomError('STORE_UNUSABLE', message, { fields: { key: entry.key } });
}
