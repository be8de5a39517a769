import type { Core } from '../../support/context.ts';

const CHUNK_BYTES = 256 * 1024;
const KEPT_CHARACTERS = 1024 ** 2;
/** The rest of what a terminal is told to do rather than to show (ECMA-48), once the control characters are gone. */
const CONTROL_SEQUENCE = /\[[0-9;?]*[A-Za-z]/g;
const CONTROL_CHARACTER = /\p{Cc}/gu;

/** A serial console that QEMU writes to a file. */
export interface Console {
  /** Takes in what was written since the last time. */
  read(): Promise<void>;
  /** The end of all that was said, as it came. */
  readonly text: string;
  readonly totalBytes: number;
  /** For people: without control sequences and empty lines. */
  lastLines(count: number): readonly string[];
}

export function openConsole(core: Core, path: string): Console {
  let text = '';
  let totalBytes = 0;
  const decoder = new TextDecoder();
  const read = async (): Promise<void> => {
    await using held = await core.files.hold(path);
    if (held === null) return;
    for (;;) {
      const bytes = await held.read({ offsetBytes: totalBytes, lengthBytes: CHUNK_BYTES });
      if (bytes.length === 0) return;
      totalBytes += bytes.length;
      text = (text + decoder.decode(bytes, { stream: true })).slice(-KEPT_CHARACTERS);
    }
  };
  return {
    read,
    get text() {
      return text;
    },
    get totalBytes() {
      return totalBytes;
    },
    lastLines: (count) => describeEnd(text, count),
  };
}

function describeEnd(text: string, count: number): readonly string[] {
  const lines = text.split(/\r?\n/).map((line) => clean(line));
  return lines.filter((line) => line !== '').slice(-count);
}

function clean(line: string): string {
  return line.replace(CONTROL_CHARACTER, '').replace(CONTROL_SEQUENCE, '').trimEnd();
}
