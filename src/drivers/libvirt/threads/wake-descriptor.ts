import { readSync } from 'node:fs';
import koffi from 'koffi';

const EFD_CLOEXEC = 0o2_000_000;
const EFD_NONBLOCK = 0o4_000;

/**
 * A descriptor that any thread can make readable, to wake a loop that waits in C.
 * https://man7.org/linux/man-pages/man2/eventfd.2.html
 */
export function createWakeDescriptor(): number {
  const fd: number = koffi.load(null).func('int eventfd(uint initval, int flags)')(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw new Error(`eventfd failed with errno ${koffi.errno()}`);
  return fd;
}

/** Makes it unreadable again. */
export function drain(fd: number): void {
  readSync(fd, new Uint8Array(8));
}
