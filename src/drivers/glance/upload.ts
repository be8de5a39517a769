import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { DarkroomError } from '../../model/errors.ts';
import type { ServiceImage } from '../../model/ports/image-service.ts';
import type { TransferOptions } from '../../model/ports/image-store.ts';
import type { Api } from './api.ts';
import { failed } from './failures.ts';
import { readServiceImage } from './find-image.ts';
import { hashFile } from './hash-file.ts';
import { readText } from './http/read-answer.ts';
import { Trouble } from './http/trouble.ts';

/** What the service hashes with, unless it was told otherwise. */
const USUAL_ALGORITHM = 'sha512';
const CHUNK_BYTES = 1024 ** 2;

/**
 * https://docs.openstack.org/api-ref/image/v2/#upload-binary-image-data. Whatever the answer was, or where there was none: what
 * counts is that the image is active afterwards, with our bytes.
 */
export async function uploadData(
  api: Api,
  imageId: string,
  { path, ...options }: TransferOptions & { readonly path: string },
): Promise<ServiceImage> {
  const { size: sizeBytes } = await stat(path);
  const hash = createHash(USUAL_ALGORITHM);
  const sent = { bytes: 0 };
  const { onBytes } = options;
  const open = () => Readable.from(readCounted(path, { hash, sent, onBytes }), { objectMode: false });
  const trouble = await put(api, imageId, { sizeBytes, open, signal: options.signal });
  const image = await readServiceImage(api, imageId, options.signal);
  if (image?.status !== 'active') throw brokeOff(api, imageId, { trouble, image, sentBytes: sent.bytes });
  if (image.sizeBytes === sizeBytes && image.hash?.algorithm === USUAL_ALGORITHM && sent.bytes === sizeBytes) {
    if (image.hash.value === hash.digest('hex')) return image;
    throw different(api, image);
  }
  if (await isData(image, path, { ...options, sizeBytes })) return image;
  throw different(api, image);
}

/** Whether the image is active and its data is the file's. */
export async function holdsData(
  api: Api,
  imageId: string,
  { path, ...options }: TransferOptions & { readonly path: string },
): Promise<boolean> {
  const image = await readServiceImage(api, imageId, options.signal);
  if (image?.status !== 'active') return false;
  const { size: sizeBytes } = await stat(path);
  return await isData(image, path, { ...options, sizeBytes });
}

/** The Trouble that there was; null where it was answered well. */
async function put(
  api: Api,
  imageId: string,
  { signal, ...data }: { sizeBytes: number; open: () => Readable; signal: AbortSignal | undefined },
): Promise<Trouble | null> {
  const headers = { 'content-type': 'application/octet-stream' };
  const what = `take the data of the image ${imageId}`;
  try {
    const path = `/images/${imageId}/file`;
    await readText(await api.open({ method: 'PUT', path, what, headers, data, signal }));
    return null;
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    return error;
  }
}

async function* readCounted(
  path: string,
  { hash, sent, onBytes }: { hash: Hash; sent: { bytes: number }; onBytes: TransferOptions['onBytes'] },
): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    const bytes = Buffer.from(chunk);
    hash.update(bytes);
    sent.bytes += bytes.length;
    onBytes?.(sent.bytes);
    yield bytes;
  }
}

async function isData(
  image: ServiceImage,
  path: string,
  { sizeBytes, signal }: TransferOptions & { readonly sizeBytes: number },
): Promise<boolean> {
  if (image.sizeBytes !== sizeBytes || image.hash === null) return false;
  const { algorithm, value } = image.hash;
  return (await hashFile(path, { algorithm, ...(signal && { signal }) })) === value;
}

function brokeOff(
  { service }: Api,
  imageId: string,
  seen: { readonly trouble: Trouble | null; readonly image: ServiceImage | null; readonly sentBytes: number },
): DarkroomError {
  const { trouble, image, sentBytes } = seen;
  const why = trouble === null ? 'it took all of it' : trouble.message;
  const state = image === null ? 'gone' : image.status;
  return failed(
    service,
    `did not get the data of the image ${imageId}: ${why}, after ${sentBytes} bytes, and the image is ${state}.`,
    { fields: { serviceImageId: imageId, isPassing: true }, cause: trouble },
  );
}

function different({ service }: Api, { id, hash }: ServiceImage): DarkroomError {
  return new DarkroomError(
    'COPY_FAILED',
    `What the image service ${service} holds as image ${id} is not what was sent: its ${hash?.algorithm ?? 'size'} is another. ` +
      'Look at its storage and at the network.',
    { fields: { service, serviceImageId: id } },
  );
}
