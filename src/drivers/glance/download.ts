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
  try {
    await persist(
      async ({ progressed }) => {
        const answer = await ask(api, image, { fromBytes: arrival.bytes, signal });
        if (answer.statusCode !== PARTIAL_CONTENT) arrival = begin(image);
        const onBytes = (total: number): void => {
          progressed();
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
    for await (const chunk of readAll(answer)) {
      if (arrival.bytes + chunk.length > limitBytes) throw tooLong(api, image);
      await writeAt(file, { chunk, offsetBytes: arrival.bytes });
      arrival.hash?.update(chunk);
      arrival.bytes += chunk.length;
      onBytes(arrival.bytes);
    }
  } finally {
    answer.destroy();
  }
  if (image.sizeBytes !== null && arrival.bytes < image.sizeBytes)
    throw new Trouble(`the data ended after ${arrival.bytes} of ${image.sizeBytes} bytes`);
}

/** What breaks here is the network; what breaks while writing is not. */
async function* readAll(answer: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of answer) yield Buffer.from(chunk);
  } catch (error) {
    throw explainNetworkError(error);
  }
}

async function writeAt(
  file: FileHandle,
  { chunk, offsetBytes }: { readonly chunk: Buffer; readonly offsetBytes: number },
): Promise<void> {
  if (chunk.equals(Buffer.alloc(chunk.length))) return;
  try {
    for (let done = 0; done < chunk.length; ) {
      done += (await file.write(chunk, done, chunk.length - done, offsetBytes + done)).bytesWritten;
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    throw new DarkroomError('NO_SPACE', 'There is no space left for what comes from the image service. Free some.', {
      cause: error,
    });
  }
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
