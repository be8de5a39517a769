import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Pointer } from '../binding/library.ts';
import { CALLS } from '../calls/table.ts';
import { type CallAnswer, describeFailure } from './call-answer.ts';
import type { ReceivedRequest } from './messages.ts';
import { WorkerConnection } from './worker-connection.ts';

/** Entry of a call thread: runs one call at a time, on its own connection. */
function main(port: MessagePort, uri: string): void {
  const connection = new WorkerConnection(uri);
  port.on('message', (request: ReceivedRequest | null) => {
    if (request === null) {
      connection.close();
      port.close();
      return;
    }
    port.postMessage(answer(connection, request));
  });
}

function answer(connection: WorkerConnection, request: ReceivedRequest): CallAnswer<unknown> {
  try {
    const run: (connection: Pointer, args: never) => unknown = CALLS[request.name];
    const value = run(connection.take(), request.args);
    connection.settle();
    return { isOk: true, value };
  } catch (error) {
    return { isOk: false, failure: describeFailure(error, !connection.settle()) };
  }
}

if (parentPort !== null) main(parentPort, workerData.uri);
