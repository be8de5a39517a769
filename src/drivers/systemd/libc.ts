import { createRequire } from 'node:module';

/** Functions of the C library that Node has no word for: unix datagrams, and what kind of socket a descriptor is. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(...args: [fd: number, level: number, name: number, value: Uint8Array, length: number]): number;
  getsockopt(...args: [fd: number, level: number, name: number, value: [number | null], length: [number]]): number;
  sendto(
    ...args: [fd: number, data: Uint8Array, length: number, flags: number, address: Uint8Array, size: number]
  ): number;
  close(fd: number): number;
}

/** The values of Linux, the same on every processor that Node is built for but PowerPC. */
export const LINUX = {
  AF_INET: 2,
  AF_INET6: 10,
  AF_UNIX: 1,
  SOCK_DGRAM: 2,
  SOCK_CLOEXEC: 0o2000000,
  SOL_SOCKET: 1,
  SO_SNDBUF: 7,
  SO_SNDTIMEO: 21,
  SO_DOMAIN: 39,
  MSG_NOSIGNAL: 0x4000,
} as const;

/** Loaded at the first call, not at import: most commands never want it. null where it cannot be had. */
export const loadLibc: () => Libc | null = once(() => {
  try {
    return declareLibc();
  } catch {
    return null;
  }
});

function declareLibc(): Libc {
  const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi');
  // null: this process itself, which has a C library already
  const library = koffi.load(null);
  return {
    socket: library.func('int socket(int domain, int type, int protocol)'),
    setsockopt: library.func('int setsockopt(int fd, int level, int name, const void *value, uint length)'),
    getsockopt: library.func('int getsockopt(int fd, int level, int name, _Out_ int *value, _Inout_ uint *length)'),
    sendto: library.func(
      'long sendto(int fd, const void *data, size_t length, int flags, const void *address, uint size)',
    ),
    close: library.func('int close(int fd)'),
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
