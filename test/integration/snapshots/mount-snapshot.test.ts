import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JournalledOperation, Operation } from '../../../src/model/operation.ts';
import type { MountSnapshotRequest } from '../../../src/model/snapshot/requests.ts';
import { mountSnapshot, recoverMountSnapshot } from '../../../src/operations/mount-snapshot.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { acquireLocks } from '../../../src/operations/support/operation-locks.ts';
import { OperationRunner } from '../../../src/operations/support/operation-runner.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import {
  type ChainFixture,
  contentOf,
  createChainFixture,
  listTree,
  MIB,
  putChain,
  putSnapshot,
  run,
  TOP,
} from './transfer-fixture.ts';

let fixture: ChainFixture;
let directory: string;

beforeEach(() => {
  fixture = createChainFixture();
  directory = path.join(fixture.root, 'here');
  mkdirSync(directory);
});

afterEach(async () => {
  await fixture.mounts.unmount(directory);
  fixture.dispose();
});

/** Mounts, does something as soon as it is there, and cancels unless it is over by then. */
async function whileMounted(
  request: Omit<MountSnapshotRequest, 'kind'>,
  work: (operation: Operation, entry: JournalledOperation) => void | Promise<void>,
  core: Core = fixture.core(),
): Promise<Operation> {
  const runner = new OperationRunner(core);
  const { id } = await runner.start(mountSnapshot, { kind: 'snapshot.mount', ...request });
  for (;;) {
    const entry = await core.journal.read(id);
    if (entry.operation.status !== 'running') return entry.operation;
    if (entry.operation.result.uri !== undefined) {
      try {
        await work(entry.operation, entry);
      } finally {
        runner.cancel(id);
        await runner.drain();
      }
      return (await core.journal.read(id)).operation;
    }
    await sleep(20);
  }
}

function readNbd(uri: string, ...filter: readonly string[]): Buffer {
  const raw = fixture.path('nbd.raw');
  const socket = new URL(uri).searchParams.get('socket') ?? '';
  const name = new URL(uri).pathname.slice(1);
  const spec = { driver: 'nbd', server: { type: 'unix', path: socket }, export: name };
  run('qemu-img', 'convert', ...filter, '-O', 'raw', `json:${JSON.stringify({ driver: 'raw', file: spec })}`, raw);
  return readFileSync(raw);
}

/** Mount points and sockets of this host that are left. */
function leftovers(): readonly string[] {
  const mounted = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return [...mounted.filter((line) => line.includes(fixture.root)), ...listTree(path.join(fixture.stateDir, 'mounts'))];
}

/** A snapshot of a volume with an ext4 that has a file `hello` in it. */
async function putFileSystem(): Promise<string> {
  const raw = fixture.path('fs.raw');
  mkdirSync(fixture.path('content'));
  writeFileSync(path.join(fixture.path('content'), 'hello'), 'world');
  writeFileSync(raw, '');
  truncateSync(raw, 16 * MIB);
  execFileSync('mkfs.ext4', ['-q', '-d', fixture.path('content'), raw], { stdio: 'pipe' });
  const snapshot = await putSnapshot(fixture.snapshots, 'a', { record: { logicalBytes: 16 * MIB } });
  run('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, fixture.snapshots.filePath(snapshot));
  return snapshot.id;
}

describe('a mounted snapshot', () => {
  it('can be read as NBD with all that it stands on, and is gone when that is asked for', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    const operation = await whileMounted({ snapshot: c.id, directory: null }, ({ result }) => {
      const { uri = '' } = result;
      expect(uri.startsWith(`nbd+unix:///${c.id}?socket=${fixture.stateDir}/mounts/`)).toBe(true);
      const socket = new URL(uri).searchParams.get('socket') ?? '';
      expect(statSync(socket).mode & 0o777).toBe(0o600);
      expect(readNbd(uri).equals(contentOf(TOP))).toBe(true);
    });
    expect(operation).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } });
    expect(leftovers()).toEqual([]);
  });

  it('can be read where it is encrypted', async () => {
    const [, , c] = await putChain(fixture.snapshots, { isEncrypted: true });
    await whileMounted({ snapshot: c.id, directory: null }, ({ result }) => {
      expect(readNbd(result.uri ?? '').equals(contentOf(TOP))).toBe(true);
    });
    expect(leftovers()).toEqual([]);
  });

  it('shows its files in a folder, read-only', async () => {
    const id = await putFileSystem();
    const operation = await whileMounted({ snapshot: id, directory }, ({ result }) => {
      expect(fileURLToPath(result.uri ?? '')).toBe(directory);
      expect(readFileSync(path.join(directory, 'hello'), 'utf8')).toBe('world');
      expect(() => writeFileSync(path.join(directory, 'new'), 'x')).toThrow(/EROFS/);
    });
    expect(operation.status).toBe('cancelled');
    expect(readdirSync(directory)).toEqual([]);
    expect(leftovers()).toEqual([]);
  });

  it('is deleted by nobody meanwhile, nor what it stands on', async () => {
    const [a, , c] = await putChain(fixture.snapshots);
    const core = fixture.core();
    const take = () =>
      acquireLocks(
        core,
        { exclusive: [`snapshot:${a.id}`], shared: [] },
        { operationId: 'other', kind: 'snapshot.delete' },
      );
    await whileMounted({ snapshot: c.id, directory: null }, () => void 0, core);
    await whileMounted(
      { snapshot: c.id, directory: null },
      async () => void (await expectFailure(take(), 'SNAPSHOT_BUSY')),
      core,
    );
    await take();
  });

  it('fails where there is no file system, and leaves nothing', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    const operation = await whileMounted({ snapshot: c.id, directory }, () => expect.unreachable());
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'DISK_UNSUPPORTED' } });
    expect(leftovers()).toEqual([]);
  });

  it.each(['NBD', 'a folder'])('fails when what serves it as %s ends by itself, and leaves nothing', async (how) => {
    const id = await putFileSystem();
    const core = fixture.core();
    const runner = new OperationRunner(core);
    const request = { kind: 'snapshot.mount', snapshot: id, directory: how === 'NBD' ? null : directory } as const;
    const { id: operationId } = await runner.start(mountSnapshot, request);
    for (let entry = await core.journal.read(operationId); ; entry = await core.journal.read(operationId)) {
      if (entry.operation.result.uri === undefined && entry.operation.status === 'running') {
        await sleep(20);
        continue;
      }
      const { server } = entry.plan as { server: { pid: number } };
      process.kill(server.pid, 'SIGKILL');
      break;
    }
    await runner.drain();
    const { operation } = await core.journal.read(operationId);
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'COMMAND_FAILED' } });
    expect(leftovers()).toEqual([]);
  });

  it('is taken down at the next start when its process died', async () => {
    const id = await putFileSystem();
    const core = fixture.core();
    await whileMounted(
      { snapshot: id, directory },
      async (_operation, entry) => {
        await recoverMountSnapshot(core, entry);
        expect(leftovers()).toEqual([]);
        await recoverMountSnapshot(core, entry);
      },
      core,
    );
    expect(leftovers()).toEqual([]);
  });

  it('is mounted on an empty folder only, and on none that a client of the agent names', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    const never = () => expect.unreachable();
    await expectFailure(whileMounted({ snapshot: c.id, directory: `${directory}/no` }, never), 'INVALID_REQUEST');
    await expectFailure(whileMounted({ snapshot: c.id, directory: fixture.root }, never), 'INVALID_REQUEST');
    const caller = { name: 'root', role: 'admin' as const, isTrustedWithPaths: false };
    const core = fixture.core({ caller });
    await expectFailure(whileMounted({ snapshot: c.id, directory }, never, core), 'PATH_NOT_ALLOWED');
  });
});
