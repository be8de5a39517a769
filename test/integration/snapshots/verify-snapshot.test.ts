import { createHash } from 'node:crypto';
import { appendFileSync, chmodSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { Operation } from '../../../src/model/operation.ts';
import type { SnapshotRecord } from '../../../src/model/snapshot/snapshot.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { recoverVerifySnapshot, verifySnapshot } from '../../../src/operations/verify-snapshot.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { runToEnd } from '../../support/image-core.ts';
import {
  type ChainFixture,
  contentOf,
  createChainFixture,
  DISK_BYTES,
  keySource,
  listTree,
  MACHINE,
  MIB,
  putChain,
  run,
  TOP,
  VOLUME,
  writeBlock,
} from './transfer-fixture.ts';

let fixture: ChainFixture;

beforeEach(() => {
  fixture = createChainFixture();
});

afterEach(() => fixture.dispose());

function verify(
  snapshot: string,
  options: { readonly isDeep?: boolean; readonly core?: Core } = {},
): Promise<Operation> {
  const { isDeep = false, core = fixture.core() } = options;
  return runToEnd(core, verifySnapshot, { kind: 'snapshot.verify', snapshot, isDeep });
}

async function statuses(): Promise<Readonly<Record<string, string>>> {
  const { snapshots } = await fixture.snapshots.list();
  return Object.fromEntries(snapshots.map(({ id, status }) => [id.slice(0, 1), status]));
}

function fileOf(snapshot: SnapshotRecord): string {
  return fixture.snapshots.filePath(snapshot);
}

describe('a verify', () => {
  it('finds nothing wrong with a chain that is in order', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    const operation = await verify(c.id);
    expect(operation.error).toBeNull();
    expect(operation).toMatchObject({ status: 'succeeded', result: { snapshotId: c.id } });
    expect(await statuses()).toEqual({ a: 'active', b: 'active', c: 'active' });
    expect(await fixture.snapshots.readClaim(VOLUME)).toBeNull();
  });

  const damages: readonly (readonly [string, (file: string) => void, RegExp])[] = [
    ['a file that is missing', (file) => rmSync(file), /file/],
    ['a file that is longer', (file) => appendFileSync(file, 'x'), /bytes instead of/],
    ['a file that is cut off', (file) => truncateSync(file, 70_000), /bytes instead of/],
    [
      'a file with a byte changed',
      (file) => {
        const content = readFileSync(file);
        content[content.length - 1] = (content.at(-1) ?? 0) ^ 1;
        writeFileSync(file, content);
      },
      /SHA-256/,
    ],
    ['another backing file', (file) => rebase(file, '/etc/passwd', 'raw'), /backing file is "\/etc\/passwd"/],
    ['no backing file', (file) => rebase(file, '', 'qcow2'), /backing file is none/],
    ['a file that is no qcow2', (file) => writeFileSync(file, Buffer.alloc(readFileSync(file).length, 7)), /qemu-img/],
  ];

  it.each(damages)('says so of %s, and of what stands on it', async (_what, damage, reason) => {
    const [a, b, c] = await putChain(fixture.snapshots);
    chmodSync(fileOf(b), 0o600);
    damage(fileOf(b));
    const operation = await verify(c.id);
    expect(operation.error?.code, operation.error?.message).toBe('VERIFY_FAILED');
    expect(operation.error?.message).toMatch(reason);
    expect(operation.error?.message).toContain(b.id);
    expect(await statuses()).toEqual({ a: 'active', b: 'error', c: 'error' });
    expect((await verify(a.id)).error).toBeNull();
  });

  it('makes one that failed active again, with what it stands on', async () => {
    const [, b, c] = await putChain(fixture.snapshots);
    renameSync(fileOf(b), `${fileOf(b)}.away`);
    expect((await verify(c.id)).status).toBe('failed');
    expect(await statuses()).toEqual({ a: 'active', b: 'error', c: 'error' });
    renameSync(`${fileOf(b)}.away`, fileOf(b));
    expect((await verify(c.id)).error).toBeNull();
    expect(await statuses()).toEqual({ a: 'active', b: 'active', c: 'active' });
  });

  it('notices a record that is missing or broken', async () => {
    const [a, b, c] = await putChain(fixture.snapshots);
    writeFileSync(fileOf(a).replace('.qcow2', '.json'), '{');
    const broken = await verify(c.id);
    expect(broken.error).toMatchObject({ code: 'VERIFY_FAILED', message: expect.stringContaining('cannot be read') });
    rmSync(fileOf(a).replace('.qcow2', '.json'));
    const missing = await verify(b.id);
    expect(missing.error).toMatchObject({ code: 'VERIFY_FAILED', message: expect.stringContaining('is missing') });
  });

  it('tells of damage also where that cannot be recorded, with a warning', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    rmSync(fileOf(c));
    const faulty = makeFaulty(fixture.snapshots);
    faulty.failOn('update', new DarkroomError('STORE_WRITE_FAILED', 'read-only'));
    const operation = await verify(c.id, { core: fixture.core({ snapshots: faulty.port }) });
    expect(operation.error?.code).toBe('VERIFY_FAILED');
    expect(operation.warnings.join()).toContain('read-only');
    expect(await fixture.snapshots.readClaim(VOLUME)).toBeNull();
  });

  it('reads encrypted chains with the key alone', async () => {
    const [, , c] = await putChain(fixture.snapshots, { isEncrypted: true });
    expect((await verify(c.id)).error).toBeNull();
    const keyless = await verify(c.id, { core: fixture.core({ keys: keySource(null) }) });
    expect(keyless.error?.code).toBe('ENCRYPTION_KEY_MISSING');
    const wrong = await verify(c.id, { core: fixture.core({ keys: keySource('another key, and long enough') }) });
    expect(wrong.error?.code).toBe('ENCRYPTION_KEY_WRONG');
    // neither says anything about the snapshot
    expect(await statuses()).toEqual({ a: 'active', b: 'active', c: 'active' });
  });

  it('is refused to those that it is only shared with', async () => {
    const shares = [{ principal: 'bob', expiresAt: null }];
    const [, , c] = await putChain(fixture.snapshots, { owner: 'alice', shares });
    const caller = { name: 'bob', role: 'operator' as const, isTrustedWithPaths: false };
    await expectFailure(verify(c.id, { core: fixture.core({ caller }) }), 'FORBIDDEN');
  });

  it('reads nothing that another host is just rewriting', async () => {
    const [a, b, c] = await putChain(fixture.snapshots);
    const { sizeBytes, storedBytes, sha256 } = a;
    await fixture.snapshots.update({ ...b, pending: { parent: null, sizeBytes, storedBytes, sha256 } });
    expect((await verify(c.id)).error?.code).toBe('SNAPSHOT_BUSY');
    expect(await statuses()).toEqual({ a: 'active', b: 'active', c: 'active' });
    expect(listTree(fixture.stateDir)).toEqual([]);
  });
});

describe('a deep verify', () => {
  it('keeps the sum of all that a restore would read, and compares it the next time', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    expect((await verify(c.id, { isDeep: true })).error).toBeNull();
    const sum = createHash('sha256').update(contentOf(TOP)).digest('hex');
    expect(await fixture.snapshots.read(c.id)).toMatchObject({ contentSha256: sum });
    expect((await verify(c.id, { isDeep: true })).error).toBeNull();
    // a file and a record that agree, and hold something else than was read
    writeBlock(fileOf(c), { offset: 0, byte: 9, isEncrypted: false });
    const content = readFileSync(fileOf(c));
    const sha256 = createHash('sha256').update(content).digest('hex');
    await fixture.snapshots.update({ ...c, contentSha256: sum, sha256, sizeBytes: content.length });
    expect((await verify(c.id)).error).toBeNull();
    const operation = await verify(c.id, { isDeep: true });
    expect(operation.error).toMatchObject({ code: 'VERIFY_FAILED', message: expect.stringContaining(sum) });
    expect(await statuses()).toEqual({ a: 'active', b: 'active', c: 'error' });
    expect(listTree(path.join(fixture.stateDir, 'mounts'))).toEqual([]);
  });

  it('reads encrypted chains', async () => {
    const [, , c] = await putChain(fixture.snapshots, { isEncrypted: true });
    expect((await verify(c.id, { isDeep: true })).error).toBeNull();
    const sum = createHash('sha256').update(contentOf(TOP)).digest('hex');
    expect(await fixture.snapshots.read(c.id)).toMatchObject({ contentSha256: sum });
  });

  const checkpoint = 'darkroom-77777777-7777-4777-8777-777777777777';
  const disk = (): string => fixture.path('disk.qcow2');

  /** The volume of the chain, with a bitmap that begins now. */
  function putVolume(blocks: Readonly<Record<number, number>>): void {
    run('qemu-img', 'create', '-q', '-f', 'qcow2', disk(), String(DISK_BYTES));
    for (const [mib, byte] of Object.entries(blocks)) {
      writeBlock(disk(), { offset: Number(mib) * MIB, byte, isEncrypted: false });
    }
    run('qemu-img', 'bitmap', '--add', '-f', 'qcow2', disk(), checkpoint);
    fixture.hypervisor.put(MACHINE.replace('/nowhere/disk', disk()), { powerState: 'shutdown' });
  }

  it('compares with the volume where nothing has changed since', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    await fixture.snapshots.update({ ...c, checkpoint });
    putVolume(TOP);
    expect((await verify(c.id, { isDeep: true })).error).toBeNull();
  });

  it('finds a snapshot that is not what its volume was', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    await fixture.snapshots.update({ ...c, checkpoint });
    putVolume({ ...TOP, 5: 5 });
    const operation = await verify(c.id, { isDeep: true });
    expect(operation.error).toMatchObject({ code: 'VERIFY_FAILED', message: expect.stringContaining(disk()) });
    expect(listTree(path.join(fixture.stateDir, 'mounts'))).toEqual([]);
  });

  it('says nothing of a volume that has changed since', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    await fixture.snapshots.update({ ...c, checkpoint });
    putVolume(TOP);
    writeBlock(disk(), { offset: 6 * MIB, byte: 6, isEncrypted: false });
    expect((await verify(c.id, { isDeep: true })).error).toBeNull();
    expect(listTree(path.join(fixture.stateDir, 'mounts'))).toEqual([]);
  });

  it('leaves nothing after the next start when its process died', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    const core = fixture.core();
    const faulty = makeFaulty(core.files);
    let plan: unknown = null;
    faulty.before('hash', async (file) => {
      if (!String(file).endsWith('.raw')) return;
      const [running] = await core.journal.list({ status: 'running' });
      if (running === undefined) throw new Error('nothing runs');
      plan = running.plan;
      await recoverVerifySnapshot(core, running);
      await recoverVerifySnapshot(core, running);
      expect(listTree(path.join(fixture.stateDir, 'mounts'))).toEqual([]);
    });
    const operation = await verify(c.id, { isDeep: true, core: { ...core, files: faulty.port } });
    expect(plan).toMatchObject({ server: { pid: expect.any(Number) } });
    expect(operation.status).toBe('failed');
    expect(await statuses()).toEqual({ a: 'active', b: 'active', c: 'active' });
  });
});

function rebase(file: string, backing: string, format: string): void {
  run('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-b', backing, '-F', format, file);
}
