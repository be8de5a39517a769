import { fstatSync, readFileSync } from 'node:fs';
import type { InheritedSocket } from '../../model/ports/service-manager.ts';
import { LINUX, loadLibc } from './libc.ts';

/** Descriptors that are passed begin after standard input, output and error: SD_LISTEN_FDS_START of sd_listen_fds(3). */
const FIRST_FD = 3;

/** The sockets that were passed under these names; what is no unix or TCP socket is left alone. socket(7), SO_DOMAIN. */
export function describeInheritedSockets(names: readonly string[]): readonly InheritedSocket[] {
  return names.flatMap((name, index) => {
    const fd = FIRST_FD + index;
    const family = familyOf(fd);
    return family === null ? [] : [{ fd, name, family, path: family === 'unix' ? pathOf(fd) : null }];
  });
}

function familyOf(fd: number): InheritedSocket['family'] | null {
  const domain: [number | null] = [null];
  const result = loadLibc()?.getsockopt(fd, LINUX.SOL_SOCKET, LINUX.SO_DOMAIN, domain, [4]);
  if (result !== 0) return null;
  if (domain[0] === LINUX.AF_UNIX) return 'unix';
  return domain[0] === LINUX.AF_INET || domain[0] === LINUX.AF_INET6 ? 'tcp' : null;
}

/** /proc/net/unix of proc_net(5): seven columns of which the last is the inode, then the path. */
function pathOf(fd: number): string | null {
  try {
    const { ino } = fstatSync(fd);
    const table = readFileSync('/proc/net/unix', 'utf8').split('\n');
    const path = table.find((line) => line.split(/\s+/)[6] === String(ino))?.replace(/^(?:\S+\s+){6}\S+\s?/, '');
    return path?.startsWith('/') === true ? path : null;
  } catch {
    return null;
  }
}
