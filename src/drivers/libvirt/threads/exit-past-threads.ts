import { createRequire } from 'node:module';

/** Tells whether a thread is in a call that it may never come back from. */
type IsHeld = () => boolean;

/** Of all threads of the process, since it ends but once. */
const held = new Set<IsHeld>();

/**
 * Node waits for its threads when it exits, for ever where one waits in C for a daemon that hangs. From now on, until
 * the returned function is called, the process then ends without: _exit(2), with the exit code that Node would give.
 */
export function exitPast(isHeld: IsHeld): () => void {
  if (held.size === 0) process.on('exit', endProcess);
  held.add(isHeld);
  return () => {
    held.delete(isHeld);
    if (held.size === 0) process.off('exit', endProcess);
  };
}

function endProcess(exitCode: number): void {
  // all are asked: to be asked is to be told to stop
  const isAnyHeld = [...held].map((isHeld) => isHeld()).includes(true);
  if (!isAnyHeld) return;
  // loaded here alone: the main thread of a command line has no other use for it
  const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi');
  koffi.load(null).func('void _exit(int status)')(exitCode);
}
