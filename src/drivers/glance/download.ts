import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { DarkroomError } from '../../model/errors.ts';
import type { ServiceImage } from '../../model/ports/image-service.ts';
import type { TransferOptions } from '../../model/ports/image-store.ts';
import type { Api } from './api.ts';
import { failed } from './failures.ts';
import { persist } from './http/persist.ts';
import { throwIfAborted } from './http/send.ts';
import { explainNetworkError, Trouble } from './http/trouble.ts';

const PARTIAL_CONTENT = 206;
/** Written at once: the network brings smaller pieces. */
const BLOCK_BYTES = 1024 ** 2;

/** What has arrived, in order. */
interface Arrival {
  bytes: number;
  hash: Hash | null;
}

/**
 * https://docs.openstack.org/api-ref/image/v2/#download-binary-image-data. Broken off, it goes on where it was, or from the
 * beginning where the service sends no ranges. Runs of zeroes become holes.
 */
export async function downloadData(
  api: Api,
  image: ServiceImage,
  { path, ...options }: TransferOptions & { readonly path: string },
): Promise<void> {
  const { signal } = options;
  await using file = await open(path, 'r+');
  let arrival = begin(image);
  let furthestBytes = 0;
  try {
    await persist(
      async ({ progressed }) => {
        const answer = await ask(api, image, { fromBytes: arrival.bytes, signal });
        if (answer.statusCode !== PARTIAL_CONTENT) {
          arrival = begin(image);
          await file.truncate(0);
        }
        const onBytes = (total: number): void => {
          // what came once before, and was lost again, is no progress
          if (total > furthestBytes) progressed();
          furthestBytes = Math.max(furthestBytes, total);
          options.onBytes?.(total);
        };
        await receive(answer, { api, image, file, arrival, onBytes });
      },
      { forMs: api.limits.retryForMs, signal },
    );
  } catch (error) {
    throwIfAborted(signal);
    throw error instanceof Trouble ? brokeOff(api, image, error) : error;
  }
  await file.truncate(arrival.bytes);
  requireSame(api, image, arrival);
}

function begin({ hash }: ServiceImage): Arrival {
  return { bytes: 0, hash: hash === null ? null : createHash(hash.algorithm) };
}

async function ask(
  api: Api,
  { id, sizeBytes }: ServiceImage,
  { fromBytes, signal }: { readonly fromBytes: number; readonly signal: AbortSignal | undefined },
): Promise<IncomingMessage> {
  const isRest = fromBytes > 0 && sizeBytes !== null && fromBytes < sizeBytes;
  const headers = isRest ? { range: `bytes=${fromBytes}-${sizeBytes - 1}` } : {};
  const path = `/images/${id}/file`;
  return await api.open({
    method: 'GET',
    path,
    what: `give the data of the image ${id}`,
    headers,
    isData: true,
    signal,
  });
}

interface Receipt {
  readonly api: Api;
  readonly image: ServiceImage;
  readonly file: FileHandle;
  readonly arrival: Arrival;
  readonly onBytes: (totalBytes: number) => void;
}

async function receive(answer: IncomingMessage, receipt: Receipt): Promise<void> {
  const { api, image, file, arrival, onBytes } = receipt;
  const limitBytes = image.sizeBytes ?? Number.MAX_SAFE_INTEGER;
  try {
    for await (const block of readBlocks(answer)) {
      if (arrival.bytes + block.length > limitBytes) throw tooLong(api, image);
      const writing = writeAt(file, { block, offsetBytes: arrival.bytes });
      // meanwhile
      arrival.hash?.update(block);
      await writing;
      arrival.bytes += block.length;
      onBytes(arrival.bytes);
    }
  } finally {
    answer.destroy();
  }
  if (image.sizeBytes !== null && arrival.bytes < image.sizeBytes)
    throw new Trouble(`the data ended after ${arrival.bytes} of ${image.sizeBytes} bytes`);
}

/** What breaks here is the network, and what came before is not lost; what breaks while writing is not the network. */
async function* readBlocks(answer: IncomingMessage): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let length = 0;
  let failure: unknown = null;
  try {
    for await (const chunk of answer) {
      const bytes = Buffer.from(chunk);
      chunks.push(bytes);
      length += bytes.length;
      if (length < BLOCK_BYTES) continue;
      yield Buffer.concat(chunks, length);
      chunks = [];
      length = 0;
    }
  } catch (error) {
    failure = explainNetworkError(error);
  }
  if (length > 0) yield Buffer.concat(chunks, length);
  if (failure !== null) throw failure;
}

async function writeAt(
  file: FileHandle,
  { block, offsetBytes }: { readonly block: Buffer; readonly offsetBytes: number },
): Promise<void> {
  if (isZeroes(block)) return;
  try {
    for (let done = 0; done < block.length; ) {
      done += (await file.write(block, done, block.length - done, offsetBytes + done)).bytesWritten;
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    throw new DarkroomError('NO_SPACE', 'There is no space left for what comes from the image service. Free some.', {
      cause: error,
    });
  }
}

/** Most blocks show at their first bytes that they are not. */
function isZeroes(block: Buffer): boolean {
  return block[0] === 0 && block.equals(Buffer.alloc(block.length));
}

function requireSame({ service }: Api, { id, hash }: ServiceImage, arrival: Arrival): void {
  const seen = arrival.hash?.digest('hex') ?? null;
  if (hash === null || seen === hash.value) return;
  throw new DarkroomError(
    'COPY_FAILED',
    `The data of the image ${id} of the image service ${service} has the ${hash.algorithm} ${seen} instead of ${hash.value}: ` +
      'it was changed on its way or in the storage there. Try again, and look at that storage.',
    { fields: { service, serviceImageId: id } },
  );
}

function tooLong({ service }: Api, { id, sizeBytes }: ServiceImage): DarkroomError {
  return new DarkroomError(
    'COPY_FAILED',
    `The image service ${service} sends more than the ${sizeBytes} bytes that the image ${id} is said to have.`,
    { fields: { service, serviceImageId: id } },
  );
}

function brokeOff({ service }: Api, { id }: ServiceImage, trouble: Trouble): DarkroomError {
  return failed(service, `did not give all data of the image ${id}: ${trouble.message}. Try again.`, {
    fields: { serviceImageId: id, isPassing: true },
    cause: trouble,
  });
}
