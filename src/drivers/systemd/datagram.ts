import { LINUX, type Libc, loadLibc } from './libc.ts';

/** A daemon is not held up for longer than this by somebody who does not read. */
const SEND_TIMEOUT_US = 250_000;
/** As systemd's own library asks for; the kernel gives what net.core.wmem_max allows. */
const SEND_BUFFER_BYTES = 8 * 1024 * 1024;
/** `sun_path` of unix(7). */
const MAX_ADDRESS_BYTES = 108;

/**
 * Sends one datagram to a unix socket: a path, or `@` and a name in the abstract namespace (unix(7)). False when it was
 * not taken: nobody is there, it is too long, or the reader let it wait for a quarter of a second. Blocks so long.
 */
export function sendDatagram(address: string, data: Uint8Array): boolean {
  const target = encodeAddress(address);
  const libc = target === null ? null : loadLibc();
  if (target === null || libc === null) return false;
  const fd = libc.socket(LINUX.AF_UNIX, LINUX.SOCK_DGRAM + LINUX.SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  try {
    limitSending(libc, fd);
    return libc.sendto(fd, data, data.length, LINUX.MSG_NOSIGNAL, target, target.length) === data.length;
  } finally {
    libc.close(fd);
  }
}

/** `struct sockaddr_un`; null for what is none, such as the vsock address of a machine's own init. */
export function encodeAddress(address: string): Uint8Array | null {
  if (!/^[/@]./.test(address)) return null;
  const name = Buffer.from(address.startsWith('@') ? `\0${address.slice(1)}` : `${address}\0`);
  if (name.length > MAX_ADDRESS_BYTES) return null;
  const family = Buffer.alloc(2);
  new Uint16Array(family.buffer, family.byteOffset, 1)[0] = LINUX.AF_UNIX;
  return Buffer.concat([family, name]);
}

function limitSending(libc: Libc, fd: number): void {
  // struct timeval of a 64-bit machine: seconds and microseconds
  const timeout = new Uint8Array(new BigInt64Array([0n, BigInt(SEND_TIMEOUT_US)]).buffer);
  const size = new Uint8Array(new Int32Array([SEND_BUFFER_BYTES]).buffer);
  libc.setsockopt(fd, LINUX.SOL_SOCKET, LINUX.SO_SNDTIMEO, timeout, timeout.length);
  libc.setsockopt(fd, LINUX.SOL_SOCKET, LINUX.SO_SNDBUF, size, size.length);
}
