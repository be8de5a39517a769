import { createReadStream } from 'node:fs';
import { DarkroomError } from '../model/errors.ts';

export interface TextFile {
  /** The option that named it, for messages. */
  readonly option: string;
  readonly path: string;
  readonly maxBytes: number;
}

/** Reads a small text file of the caller's; pipes such as `<(…)` too. */
export async function readTextFile({ option, path, maxBytes }: TextFile): Promise<string> {
  const bytes = await readBytes({ option, path, maxBytes });
  if (bytes.length > maxBytes) throw unusable(option, `${path} is longer than ${maxBytes} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw unusable(option, `${path} is not UTF-8 text`, error);
  }
}

async function readBytes({ option, path, maxBytes }: TextFile): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(path, { end: maxBytes })) chunks.push(chunk);
  } catch (error) {
    const seen = error instanceof Error ? error.message : String(error);
    throw unusable(option, `${path} cannot be read: ${seen}`, error);
  }
  return Buffer.concat(chunks);
}

function unusable(option: string, message: string, cause?: unknown): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', `--${option}: ${message}.`, { fields: { field: option }, cause });
}
