import { z } from 'zod';
import type { RecycleNote } from '../../../model/recycled-image.ts';

/** A later Darkroom may write down more. */
const noteDocument = z.object({
  version: z.literal(1),
  deletedAt: z.iso.datetime(),
  deletedBy: z.string().nullable(),
  expiresAt: z.iso.datetime(),
});

/** What `recycled.json` says. Throws where it is not what we write. */
export function parseNote(text: string): RecycleNote {
  const { version: _, ...note } = noteDocument.parse(JSON.parse(text));
  return note;
}

export function serialiseNote(note: RecycleNote): string {
  return `${JSON.stringify({ version: 1, ...note }, null, 2)}\n`;
}
