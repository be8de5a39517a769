import { rmSync } from 'node:fs';
import koffi from 'koffi';

const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK = 2 | 0o4000 | 0o2000000;
const POLL_MS = 10;
const MAX_BYTES = 1024 * 1024;

/** Stands in for systemd or journald: a unix datagram socket, which Node itself cannot open. */
export interface DatagramListener extends Disposable {
  readonly received: readonly Buffer[];
  /** The same as text. */
  readonly messages: readonly string[];
  /** Reads what is there; a socket nobody reads from lets its senders wait. */
  read(): void;
}

/** At a path, or at `@name`. */
export function listenForDatagrams(address: string): DatagramListener {
  const library = koffi.load(null);
  const socket = library.func('int socket(int domain, int type, int protocol)');
  const bind = library.func('int bind(int fd, const void *address, uint size)');
  const recv = library.func('long recv(int fd, void *data, size_t length, int flags)');
  const close = library.func('int close(int fd)');
  const fd: number = socket(AF_UNIX, SOCK_DGRAM_NONBLOCK, 0);
  const name = Buffer.from(address.startsWith('@') ? `\0${address.slice(1)}` : `${address}\0`);
  const target = Buffer.concat([Buffer.from([AF_UNIX, 0]), name]);
  if (bind(fd, target, target.length) !== 0) throw new Error(`cannot bind ${address}: errno ${koffi.errno()}`);
  const received: Buffer[] = [];
  const buffer = Buffer.alloc(MAX_BYTES);
  const read = (): void => {
    for (;;) {
      const length: number = recv(fd, buffer, buffer.length, 0);
      if (length < 0) return;
      received.push(Buffer.from(buffer.subarray(0, length)));
    }
  };
  const timer = setInterval(read, POLL_MS);
  return {
    received,
    get messages() {
      return received.map(String);
    },
    read,
    [Symbol.dispose]: () => {
      clearInterval(timer);
      close(fd);
      if (!address.startsWith('@')) rmSync(address, { force: true });
    },
  };
}
