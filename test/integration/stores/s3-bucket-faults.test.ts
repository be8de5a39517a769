import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBucket } from '../../../src/drivers/stores/s3/bucket/create-bucket.ts';
import type { Bucket, BucketOptions } from '../../../src/drivers/stores/s3/bucket.ts';
import { type Gateway, type S3Account, useSharedCeph } from '../../support/engines.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { type S3Target, s3Target } from '../../support/s3-target.ts';

const MIB = 1024 * 1024;
const LIMIT = { maxBytes: 1000 };

describe('a bucket of a Ceph in trouble', () => {
  let gateway: Gateway;
  let target: S3Target;
  let bucketName: string;
  let folder: string;
  beforeAll(async () => {
    gateway = await (await useSharedCeph()).addGateway();
    target = await s3Target(gateway);
    bucketName = await target.newBucket();
    folder = await mkdtemp(path.join(tmpdir(), 'dr-bkt-faults-'));
  });
  afterAll(async () => {
    await target.dropBucket(bucketName);
    await gateway[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  function open(overrides: Partial<BucketOptions> = {}): Bucket {
    return createBucket(target.bucketOptions(bucketName, { partBytes: 5 * MIB, concurrency: 2, ...overrides }));
  }
  async function makeFile(bytes: Buffer): Promise<string> {
    const file = path.join(folder, randomBytes(6).toString('hex'));
    await writeFile(file, bytes);
    return file;
  }
  async function fetched(bucket: Bucket, key: string): Promise<Buffer> {
    const entry = await bucket.head(key);
    if (entry === null) throw new Error(`${key} is not there`);
    const file = await makeFile(Buffer.alloc(0));
    await bucket.download(entry, file);
    return await readFile(file);
  }
  /** Does it once, when some bytes have gone. */
  function onceUnderWay(act: () => Promise<void>) {
    let acting: Promise<void> | null = null;
    const onBytes = (): void => {
      acting ??= act();
    };
    return { onBytes, done: async () => await acting };
  }

  it('uploads and fetches through a server that is killed and comes back', async () => {
    const bytes = randomBytes(40 * MIB);
    const bucket = open({ retryForMs: 60_000 });
    const crash = onceUnderWay(async () => {
      await gateway.kill();
      await sleep(1_000);
      await gateway.start();
    });
    const entry = await bucket.upload('crash', await makeFile(bytes), { onBytes: crash.onBytes });
    await crash.done();
    const again = onceUnderWay(async () => {
      await gateway.kill();
      await gateway.start();
    });
    const file = await makeFile(Buffer.alloc(0));
    await bucket.download(entry, file, { onBytes: again.onBytes });
    await again.done();
    expect((await readFile(file)).equals(bytes)).toBe(true);
    expect(await bucket.listUploads('')).toEqual([]);
  });

  it('goes on with what a server that hangs for a while had', async () => {
    const bytes = randomBytes(20 * MIB);
    const bucket = open({ retryForMs: 60_000 });
    const hang = onceUnderWay(async () => {
      await gateway.pause();
      await sleep(2_000);
      await gateway.continue();
    });
    await bucket.upload('hang', await makeFile(bytes), { onBytes: hang.onBytes });
    await hang.done();
    expect((await fetched(bucket, 'hang')).equals(bytes)).toBe(true);
  });

  it('gives up when the server stays away, keeps what arrived, and goes on with that', async () => {
    const bytes = randomBytes(40 * MIB);
    const file = await makeFile(bytes);
    const bucket = open({ retryForMs: 1_000 });
    const crash = onceUnderWay(() => {
      // a small upload would be over before it is killed
      gateway.freeze();
      return gateway.kill();
    });
    const error = await expectFailure(bucket.upload('away', file, { onBytes: crash.onBytes }), 'STORE_WRITE_FAILED');
    await crash.done();
    expect(error.message).toContain('cannot be reached');
    await expectFailure(bucket.get('away', LIMIT), 'STORE_UNUSABLE');
    await gateway.start();
    expect(await bucket.head('away')).toBeNull();
    const unfinished = await bucket.listUploads('away');
    expect(unfinished).toHaveLength(1);
    await bucket.upload('away', file);
    expect((await fetched(bucket, 'away')).equals(bytes)).toBe(true);
    expect(await bucket.listUploads('')).toEqual([]);
  });

  it('ends at once when it is cancelled, also where the server is silent, and forgets the parts on request', async () => {
    const bucket = open({ retryForMs: 60_000 });
    const cancel = new AbortController();
    const hang = onceUnderWay(async () => {
      gateway.freeze();
      cancel.abort();
    });
    const file = await makeFile(randomBytes(40 * MIB));
    await expectFailure(bucket.upload('stop', file, { signal: cancel.signal, onBytes: hang.onBytes }), 'CANCELLED');
    await gateway.continue();
    expect(await bucket.head('stop')).toBeNull();
    const [unfinished] = await bucket.listUploads('sto');
    expect(unfinished).toMatchObject({ key: 'stop' });
    await bucket.abortUploads('stop', 'another');
    expect(await bucket.listUploads('stop')).toHaveLength(1);
    await bucket.abortUploads('stop', unfinished?.uploadId);
    expect(await bucket.listUploads('stop')).toEqual([]);
  });

  it('stores nothing of a file that somebody writes to', async () => {
    const bucket = open();
    const file = await makeFile(randomBytes(20 * MIB));
    const write = onceUnderWay(async () => appendFileSync(file, 'x'));
    const error = await expectFailure(bucket.upload('changed', file, { onBytes: write.onBytes }), 'STORE_WRITE_FAILED');
    expect(error.message).toContain('changed while it was uploaded');
    expect(await bucket.head('changed')).toBeNull();
    await bucket.abortUploads('changed');
  });

  it.each([
    ['a wrong secret', { secretKey: 'wrong' }, 'SignatureDoesNotMatch'],
    ['an unknown key', { accessKey: 'nobody' }, 'InvalidAccessKeyId'],
  ])('refuses %s at once', async (_what, change, code) => {
    const options = (await s3Target({ ...gateway, ...change })).bucketOptions(bucketName, { retryForMs: 60_000 });
    const bucket = createBucket(options);
    const began = performance.now();
    const error = await expectFailure(bucket.put('doc', 'x'), 'STORE_UNUSABLE');
    expect(error.message).toContain(code);
    await expectFailure(bucket.upload('disk', await makeFile(randomBytes(12 * MIB))), 'STORE_UNUSABLE');
    // it would have tried again for a minute
    expect(performance.now() - began).toBeLessThan(30_000);
  });

  it('says that there is no such bucket, whatever is asked', async () => {
    const bucket = createBucket(target.bucketOptions('dr-test-none', { retryForMs: 60_000 }));
    const file = await makeFile(randomBytes(10));
    const asked = [
      () => bucket.get('a', LIMIT),
      () => bucket.head('a'),
      () => bucket.put('a', 'x'),
      () => bucket.list(''),
      () => bucket.remove(['a']),
      () => bucket.upload('a', file),
      () => bucket.listUploads(''),
    ];
    for (const ask of asked) {
      const error = await expectFailure(ask(), 'STORE_UNUSABLE');
      expect(error.message).toContain('no such bucket');
    }
  });

  it('says that a quota is reached', async () => {
    const account: S3Account = await (await useSharedCeph()).createUser(
      `quota-${randomBytes(4).toString('hex')}`,
      8 * MIB,
    );
    const own = await s3Target({ ...account, endpoint: gateway.endpoint });
    const name = await own.newBucket();
    const bucket = createBucket(own.bucketOptions(name, { partBytes: 16 * MIB, retryForMs: 5_000 }));
    await expectFailure(bucket.upload('whole', await makeFile(randomBytes(12 * MIB))), 'NO_SPACE');
    await expectFailure(bucket.upload('parts', await makeFile(randomBytes(40 * MIB))), 'NO_SPACE');
    expect(await bucket.head('whole')).toBeNull();
    await bucket.abortUploads('');
    await own.dropBucket(name);
  });

  it('keeps no process alive', async () => {
    target.bucketOptions(bucketName);
    const module = fileURLToPath(new URL('../../../dist/drivers/stores/s3/bucket/create-bucket.js', import.meta.url));
    const code = `
      const { createBucket } = await import(${JSON.stringify(module)});
      const bucket = createBucket(${JSON.stringify(target.bucketOptions(bucketName))});
      await Promise.all([1, 2, 3].map((each) => bucket.put('process', String(each))));
      const began = Date.now();
      process.on('exit', () => console.log(Date.now() - began));`;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
    expect(stderr).toBe('');
    // the connections that it keeps would last for longer
    expect(Number(stdout)).toBeLessThan(3_000);
  });
});
