import { z } from 'zod';
import { DarkroomError } from '../../../../model/errors.ts';
import { type ObjectEntry, PARTS_SUFFIX } from '../bucket.ts';
import type { Connection } from './connection.ts';
import { MOST_PARTS } from './part-plan.ts';
import { readDocument } from './read-document.ts';
import { writeDocument } from './write-document.ts';

/** What stands beside an object that was uploaded from a file. */
export interface PartList {
  readonly sizeBytes: number;
  readonly partBytes: number;
  /** Lower-case hex, in the order of the parts. */
  readonly sha256: readonly string[];
}

const DIGEST = /^[0-9a-f]{64}$/;
const MAX_BYTES = 1024 * 1024;

const schema = z
  .object({
    version: z.literal(1),
    sizeBytes: z.int().min(0),
    partBytes: z.int().min(1),
    sha256: z.array(z.string().regex(DIGEST)).min(1).max(MOST_PARTS),
  })
  .refine(({ sizeBytes, partBytes, sha256 }) => sha256.length === Math.max(1, Math.ceil(sizeBytes / partBytes)));

export async function writePartList(connection: Connection, key: string, list: PartList): Promise<void> {
  await writeDocument(connection, {
    key: `${key}${PARTS_SUFFIX}`,
    content: `${JSON.stringify({ version: 1, ...list })}\n`,
  });
}

/** null when there is none. STORE_UNUSABLE for one that is not readable, or is another object's. */
export async function readPartList(
  connection: Connection,
  entry: ObjectEntry,
  signal?: AbortSignal,
): Promise<PartList | null> {
  const key = `${entry.key}${PARTS_SUFFIX}`;
  const limits = signal === undefined ? { maxBytes: MAX_BYTES } : { maxBytes: MAX_BYTES, signal };
  const found = await readDocument(connection, key, limits);
  if (found === null) return null;
  const parsed = schema.safeParse(parseJson(found.content));
  if (parsed.success && parsed.data.sizeBytes === entry.sizeBytes) return parsed.data;
  const seen = parsed.success ? `speaks of ${parsed.data.sizeBytes} bytes, there are ${entry.sizeBytes}` : 'is damaged';
  throw new DarkroomError(
    'STORE_UNUSABLE',
    `Cannot check ${entry.key} of ${connection.options.location}: ${key} ${seen}`,
    {
      fields: { key: entry.key },
    },
  );
}

function parseJson(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'));
  } catch {
    return null;
  }
}
