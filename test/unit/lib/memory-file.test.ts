import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openMemoryFile } from '../../../src/lib/memory-file.ts';

describe('a file in memory', () => {
  it('is read by child processes as often as they like, and has no name', async () => {
    const file = await openMemoryFile('a text\n');
    for (let reader = 0; reader < 2; reader += 1) {
      expect(execFileSync('cat', [file.path], { encoding: 'utf8' })).toBe('a text\n');
    }
    expect(readdirSync('/dev/shm').filter((name) => name.startsWith('darkroom-'))).toEqual([]);
    await file[Symbol.asyncDispose]();
    expect(existsSync(file.path)).toBe(false);
  });
});
