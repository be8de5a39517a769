import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { DarkroomError } from '../../src/model/errors.ts';
import type { DiskExport, DiskFile } from '../../src/model/ports/disk-tool.ts';

/** A disk that is offered at this moment. */
export interface FakeExport {
  readonly kind: 'nbd' | 'file';
  readonly disk: DiskFile;
  /** The socket, or the file that shows the disk. */
  readonly path: string;
  readonly pid: number;
  /** The serving process ends by itself; what it left behind stays until the export is disposed. */
  end(): void;
}

export interface FakeExports {
  readonly active: readonly FakeExport[];
  serveSocket(disk: DiskFile, socketPath: string): DiskExport;
  serveFile(disk: DiskFile, shown: { readonly filePath: string; readonly content: string }): DiskExport;
}

export function createFakeExports(): FakeExports {
  const active: FakeExport[] = [];
  let lastPid = 7000;
  const serve = (served: Pick<FakeExport, 'kind' | 'disk' | 'path'>, cleanUp: () => void): DiskExport => {
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    lastPid += 1;
    const entry = { ...served, pid: lastPid, end };
    active.push(entry);
    const dispose = async (): Promise<void> => {
      if (!active.includes(entry)) return;
      active.splice(active.indexOf(entry), 1);
      end();
      cleanUp();
    };
    return { pid: entry.pid, ended, [Symbol.asyncDispose]: dispose };
  };
  return {
    active,
    serveSocket: (disk, socketPath) => {
      if (existsSync(socketPath)) throw refused('export-nbd', `${socketPath}: something is there already`);
      writeFileSync(socketPath, '', { mode: 0o600 });
      return serve({ kind: 'nbd', disk, path: socketPath }, () => rmSync(socketPath, { force: true }));
    },
    serveFile: (disk, { filePath, content }) => {
      const isEmpty = existsSync(filePath) && statSync(filePath).size === 0;
      if (!isEmpty) throw refused('export-file', `${filePath}: there must be an empty file`);
      writeFileSync(filePath, content);
      return serve({ kind: 'file', disk, path: filePath }, () => writeFileSync(filePath, ''));
    },
  };
}

function refused(subcommand: string, message: string): DarkroomError {
  return new DarkroomError('QEMU_IMG_FAILED', message, { fields: { subcommand } });
}
