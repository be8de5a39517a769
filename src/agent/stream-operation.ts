import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { toErrorBody } from '../api/error-body.ts';
import { encodeEvent } from '../api/event-stream.ts';
import { toDarkroomError } from '../model/errors.ts';
import type { Operation } from '../model/operation.ts';
import type { CallerApplication } from '../operations/application.ts';

/**
 * An event stream of an operation. Resolves when the first event is known, so that an unknown operation is still an
 * ordinary error answer; stops watching when the reader goes away.
 */
export async function streamOperation(
  application: CallerApplication,
  operationId: string,
  response: Pick<ServerResponse, 'once'>,
): Promise<Readable> {
  const reader = new AbortController();
  // Not the stream's own close: that one waits for the next change, which may never come.
  response.once('close', () => reader.abort());
  const changes = application.operations.watch(operationId, reader.signal)[Symbol.asyncIterator]();
  const first = await changes.next();
  return Readable.from(encodeChanges(first, changes));
}

async function* encodeChanges(
  first: IteratorResult<Operation>,
  changes: AsyncIterator<Operation>,
): AsyncGenerator<string> {
  try {
    for (let next = first; next.done !== true; next = await changes.next()) {
      yield encodeEvent('operation', next.value);
    }
  } catch (error) {
    yield encodeEvent('error', toErrorBody(toDarkroomError(error)));
  } finally {
    await changes.return?.();
  }
}
