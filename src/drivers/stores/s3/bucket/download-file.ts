import { DarkroomError } from '../../../../model/errors.ts';
import type { TransferOptions } from '../../../../model/ports/image-store.ts';
import type { ObjectEntry } from '../bucket.ts';
import type { Connection } from './connection.ts';
import { sha256Of } from './digests.ts';
import { fetchRange } from './fetch-range.ts';
import { readPartList } from './keep-part-lists.ts';
import type { PartList } from './part-list.ts';
import { type Part, planParts } from './part-plan.ts';
import { openTarget } from './target-file.ts';
import { type Lane, transferParts } from './transfer-parts.ts';

/** One that arrives damaged is fetched a second time. */
const TRIES = 2;

/**
 * An object into a file, in ranges side by side; each is compared with the list of parts before it is written, where there is one.
 * The file is on the disk at the end. STORE_UNUSABLE for what is damaged or was replaced meanwhile.
 */
export async function downloadFile(
  connection: Connection,
  entry: ObjectEntry,
  request: TransferOptions & { readonly path: string },
): Promise<void> {
  const { signal, onBytes, path } = request;
  const list = await readPartList(connection, entry, signal);
  const partBytes = list?.partBytes ?? connection.options.partBytes;
  const parts = planParts(entry.sizeBytes, partBytes).filter(({ lengthBytes }) => lengthBytes > 0);
  await using target = await openTarget(path, entry.sizeBytes);
  const plan = {
    concurrency: connection.options.concurrency,
    partBytes: Math.min(partBytes, entry.sizeBytes),
    signal,
  };
  let arrivedBytes = 0;
  await transferParts(parts, plan, async (part, lane) => {
    const content = await fetchChecked(connection, { entry, part, list }, lane);
    await target.write(content, part.offsetBytes);
    arrivedBytes += part.lengthBytes;
    onBytes?.(arrivedBytes);
  });
  await target.sync();
}

async function fetchChecked(
  connection: Connection,
  wanted: { readonly entry: ObjectEntry; readonly part: Part; readonly list: PartList | null },
  lane: Lane,
): Promise<Buffer> {
  const { entry, part, list } = wanted;
  const expected = list?.sha256[part.number - 1];
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const content = await fetchRange(connection, { entry, part }, lane);
    if (expected === undefined || expected === (await sha256Of(content))) return content;
  }
  const message = `Part ${part.number} of ${entry.key} of ${connection.options.location} is not what was stored: its checksum differs, each of ${TRIES} times`;
  throw new DarkroomError('STORE_UNUSABLE', message, { fields: { key: entry.key, part: part.number } });
}
