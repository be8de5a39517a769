import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { classifyFailure } from '../../../src/drivers/stores/s3/bucket/classify-failure.ts';
import { createBucket } from '../../../src/drivers/stores/s3/bucket/create-bucket.ts';
import { Wire } from '../../../src/drivers/stores/s3/bucket/wire.ts';
import { createAuthority } from '../../support/certificates.ts';

const MIB = 1024 * 1024;
const content = randomBytes(24 * MIB + 12_345);
const entry = { key: 'disk', sizeBytes: content.length, etag: '"e"', modifiedAt: '2026-01-01T00:00:00.000Z' };
const list = JSON.stringify({
  version: 1,
  lists: [{ etag: '"e"', sizeBytes: content.length, partBytes: 8 * MIB, sha256: sumsOf(8 * MIB) }],
});

let folder: string;
let server: Server;
let ranges: string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'dr-bkt-tls-'));
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKTEST');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'sekret-value');
  const authority = createAuthority('nobody knows it');
  server = createServer(authority.sign('/CN=localhost'), (request, response) => {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
    if (from === undefined || to === undefined) {
      response.end(list);
      return;
    }
    ranges.push(`${from}-${to}`);
    const body = content.subarray(Number(from), Number(to) + 1);
    const headers = { 'content-length': body.length, 'content-range': `bytes ${from}-${to}/${content.length}` };
    response.writeHead(206, headers).end(body);
  });
  authority.dispose();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

it('fetches over TLS, each part once', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  ranges = [];
  const file = await emptyFile();
  await createBucket(options()).download(entry, file);
  expect((await readFile(file)).equals(content)).toBe(true);
  expect(ranges).toHaveLength(4);
});

it('trusts no certificate that it does not know', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '1');
  ranges = [];
  const wire = new Wire({ isSecure: true, host: 'localhost', port: portOf(server) });
  const work = wire.get({
    head: 'GET /disk HTTP/1.1\r\nhost: localhost\r\nrange: bytes=0-9\r\n\r\n',
    range: { firstByte: 0, lengthBytes: 10 },
    intake: { room: () => Buffer.alloc(10), took: () => null },
    signal: new AbortController().signal,
  });
  const error: unknown = await work.catch((caught: unknown) => caught);
  expect(classifyFailure(error).kind).toBe('certificate');
  expect(ranges).toEqual([]);
});

async function emptyFile(): Promise<string> {
  const file = path.join(folder, randomBytes(6).toString('hex'));
  await writeFile(file, '');
  return file;
}

function sumsOf(partBytes: number): readonly string[] {
  const count = Math.ceil(content.length / partBytes);
  return Array.from({ length: count }, (_unused, index) =>
    createHash('sha256')
      .update(content.subarray(index * partBytes, (index + 1) * partBytes))
      .digest('hex'),
  );
}

function options() {
  return {
    location: 's3://bucket/darkroom',
    endpoint: `https://localhost:${portOf(server)}`,
    region: 'us-east-1',
    isPathStyle: true,
    credentialsFile: null,
    profile: null,
    serverSideEncryption: null,
    kmsKeyId: null,
    partBytes: 8 * MIB,
    concurrency: 2,
    retryForMs: 3_000,
  };
}

function portOf(listening: Server): number {
  const address: AddressInfo | string | null = listening.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
