import { describe, expect, it } from 'vitest';
import { splitLines } from '../../../src/lib/split-lines.ts';

describe('splitLines', () => {
  it('joins what a chunk border cut, even within a character', () => {
    const lines: string[] = [];
    const splitter = splitLines((line) => lines.push(line));
    const bytes = Buffer.from('grün\nblau');
    for (const byte of bytes) splitter.push(Uint8Array.of(byte));
    expect(lines).toEqual(['grün']);
    splitter.end();
    expect(lines).toEqual(['grün', 'blau']);
  });

  it('drops empty lines', () => {
    const lines: string[] = [];
    const splitter = splitLines((line) => lines.push(line));
    splitter.push(Buffer.from('a\r\n\r\n'));
    splitter.push(Buffer.from('\nb\n'));
    splitter.end();
    expect(lines).toEqual(['a', 'b']);
  });
});
