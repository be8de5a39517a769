import path from 'node:path';
import { runCommand } from '../e2e/support/run-command.ts';
import type { Guest } from '../e2e/support/tiny-guest.ts';

/** virtnbdbackup, Debian's package of that name: full and incremental backups by checkpoints in pull mode. */
export interface NbdBackup {
  full(): Promise<number>;
  increment(): Promise<number>;
  /** Of the whole chain, into a new folder. */
  restore(): Promise<number>;
}

/** Each answers how many milliseconds it took. */
export function createNbdBackup(guest: Guest, target: string): NbdBackup {
  const folder = path.join(guest.folder, 'nbd-backup');
  const backUp = (level: string): Promise<number> =>
    timed('virtnbdbackup', ['-d', guest.name, '-l', level, '-o', folder, '-i', target, '-n', '-S', guest.folder]);
  return {
    full: () => backUp('full'),
    increment: () => backUp('inc'),
    restore: () => timed('virtnbdrestore', ['-i', folder, '-o', path.join(guest.folder, 'nbd-restored'), '-n']),
  };
}

async function timed(program: string, args: readonly string[]): Promise<number> {
  const started = performance.now();
  await runCommand(program, args);
  return performance.now() - started;
}
