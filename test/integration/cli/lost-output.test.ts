import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ENTRY = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

/** A shell line in which `darkroom` is "$@". */
function runShell(line: string): { readonly status: number | null; readonly stderr: string } {
  return spawnSync('sh', ['-c', line, 'sh', process.execPath, ENTRY, '--help'], { encoding: 'utf8' });
}

// /dev/full is a disk without room for anything
describe('what a command prints', () => {
  it('ends it with 1 when it cannot be written, and says why', () => {
    const { status, stderr } = runShell('"$@" > /dev/full');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: What the command prints could not be written: ENOSPC.*\(INTERNAL\)\n$/);
  });

  it('is told lost in JSON to a program', () => {
    const { status, stderr } = runShell('"$@" --json > /dev/full');
    expect(status).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'INTERNAL' } });
  });

  it('may be lost on standard error alone', () => {
    expect(runShell('"$@" 2> /dev/full').status).toBe(0);
  });

  it('is of no use to a reader that has gone, which is no failure', () => {
    const { status, stderr } = runShell('{ "$@"; echo "ended with $?" >&2; } | true');
    expect({ status, stderr }).toEqual({ status: 0, stderr: 'ended with 0\n' });
  });
});
