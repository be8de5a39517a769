import { StringDecoder } from 'node:string_decoder';

export interface LineSplitter {
  push(chunk: Uint8Array): void;
  /** Gives out what stands after the last line end. */
  end(): void;
}

/** Cuts a byte stream into lines at newlines and carriage returns; empty lines are dropped. UTF-8. */
export function splitLines(onLine: (line: string) => void): LineSplitter {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const take = (text: string): void => {
    const lines = (rest + text).split(/[\r\n]+/);
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onLine(line);
  };
  return {
    push: (chunk) => take(decoder.write(Buffer.from(chunk))),
    end: () => take(`${decoder.end()}\n`),
  };
}
