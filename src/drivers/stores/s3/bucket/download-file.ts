import { DarkroomError } from '../../../../model/errors.ts';
import type { DownloadOptions } from '../../../../model/ports/image-store.ts';
import type { DownloadedFile, ObjectEntry } from '../bucket.ts';
import type { Connection } from './connection.ts';
import { allocateAligned } from './direct-file.ts';
import { fetchRange } from './fetch-range.ts';
import { readPartList } from './keep-part-lists.ts';
import type { PartList } from './part-list.ts';
import { type Part, planParts } from './part-plan.ts';
import { createPartSink, SINK_BYTES } from './part-sink.ts';
import { openTarget, type TargetFile } from './target-file.ts';
import { type Lane, transferParts } from './transfer-parts.ts';
import { Wires } from './wires.ts';

/** A part that arrives damaged is fetched a second time. */
const TRIES = 2;

/** What is shorter is likely to be read again soon, and stays in the page cache. */
const DIRECT_FROM_BYTES = 256 * 1024 * 1024;

interface Download {
  readonly connection: Connection;
  readonly entry: ObjectEntry;
  readonly list: PartList | null;
  readonly target: TargetFile;
  readonly wires: Wires;
}

/**
 * An object into a file, in ranges side by side; each is compared with the list of parts where there is one. Returns what that says of
 * the whole; onGrown is heard where it says nothing. The file is on the disk at the end. STORE_UNUSABLE for what is damaged or was replaced meanwhile.
 */
export async function downloadFile(
  connection: Connection,
  entry: ObjectEntry,
  request: DownloadOptions & { readonly path: string },
): Promise<DownloadedFile> {
  const { signal, onBytes, onGrown, path } = request;
  const list = await readPartList(connection, entry, signal);
  const parts = planParts(entry.sizeBytes, list?.partBytes ?? connection.options.partBytes);
  const sha256 = list?.wholeSha256 ?? null;
  const isDirect = sha256 !== null && entry.sizeBytes >= DIRECT_FROM_BYTES;
  await using target = await openTarget(path, { sizeBytes: entry.sizeBytes, isDirect });
  using wires = new Wires();
  const { concurrency } = connection.options;
  const plan = { concurrency, bufferBytes: SINK_BYTES, ...(isDirect && { allocate: allocateAligned }), signal };
  const arrival = new Arrival(parts);
  await transferParts(parts, plan, async (part, lane) => {
    if (part.lengthBytes > 0) await fetchChecked({ connection, entry, list, target, wires }, { part, lane });
    arrival.note(part);
    onBytes?.(arrival.totalBytes);
    if (sha256 === null) onGrown?.(arrival.leadingBytes);
  });
  await target.sync();
  return { sha256 };
}

/** Parts come in any order. */
class Arrival {
  totalBytes = 0;
  leadingBytes = 0;
  readonly #parts: readonly Part[];
  readonly #arrived = new Set<number>();
  #next = 0;

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  note(part: Part): void {
    this.#arrived.add(part.number);
    this.totalBytes += part.lengthBytes;
    for (let next = this.#parts[this.#next]; next !== undefined && this.#arrived.delete(next.number); ) {
      this.leadingBytes += next.lengthBytes;
      this.#next += 1;
      next = this.#parts[this.#next];
    }
  }
}

async function fetchChecked(
  { connection, entry, list, target, wires }: Download,
  { part, lane }: { readonly part: Part; readonly lane: Lane },
): Promise<void> {
  const expected = list?.sha256[part.number - 1];
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const sink = createPartSink(target, { offsetBytes: part.offsetBytes, buffer: lane.buffer, isFresh: attempt === 1 });
    await fetchRange(connection, { entry, part }, { sink, signal: lane.signal, wires });
    const sha256 = await sink.finish();
    if (expected === undefined || expected === sha256) return;
  }
  const message = `Part ${part.number} of ${entry.key} of ${connection.options.location} is not what was stored: its checksum differs, each of ${TRIES} times`;
  throw new DarkroomError('STORE_UNUSABLE', message, { fields: { key: entry.key, part: part.number } });
}
