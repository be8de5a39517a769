import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createStores } from '../../../src/drivers/stores/create-stores.ts';
import type { StoreOutage } from '../../../src/model/store.ts';
import { type Answerer, s3Error, startStandIn } from '../../support/s3-stand-in.ts';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
/** Nobody listens there. */
const DEAD = 'http://127.0.0.1:9';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'dr-outage-'));
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKTEST');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'sekret-value');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

const busy: Answerer = () => s3Error(503, 'SlowDown');
const silent: Answerer = () => new Promise(() => undefined);

/** A store that is asked for its images, and what is told of it meanwhile. */
async function ask(answer: Answerer, endpoint?: string) {
  const server = await startStandIn(answer);
  const told: StoreOutage[] = [];
  const access = server.options({ retryForMs: 5_000, ...(endpoint && { endpoint }) });
  const stores = createStores({
    stores: [{ name: 'ceph', location: access.location, s3: access }],
    server: access,
    cacheDir: folder,
    cacheLimitBytes: 1e9,
    imageGroup: 'root',
    hostName: 'node1',
    onOutage: (outage) => told.push(outage),
  });
  const { images, snapshots } = stores.open('ceph');
  const asked = Promise.allSettled([images.listImages(), snapshots.list()]);
  return {
    told,
    asked,
    endpoint: endpoint ?? server.endpoint,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe('a store that cannot be used', () => {
  it.each([
    ['says it is overloaded', busy, undefined, 'HTTP 503 (SlowDown)'],
    ['refuses connections', busy, DEAD, 'connection refused (ECONNREFUSED)'],
  ] as const)(
    'and %s is told of once while it is asked again, with the reason',
    async (_what, answer, dead, reason) => {
      await using store = await ask(answer, dead);
      const outcomes = await store.asked;
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      const { endpoint } = store;
      const outage = { store: 'ceph', location: 's3://bucket/darkroom', endpoint, reason, forMs: expect.any(Number) };
      expect(store.told).toEqual([outage]);
      expect(store.told[0]?.forMs).toBeGreaterThan(1_000);
      expect(store.told[0]?.forMs).toBeLessThan(5_000);
    },
  );

  it('and never answers is told of after two seconds', async () => {
    const startedMs = performance.now();
    await using store = await ask(silent);
    await vi.waitFor(() => expect(store.told).toHaveLength(1), { timeout: 8_000, interval: 50 });
    expect(performance.now() - startedMs).toBeGreaterThan(1_900);
    expect(store.told[0]).toMatchObject({ reason: 'no answer (time-out)' });
  });

  it('and is well again at once is told of to nobody', async () => {
    await using store = await ask((_request, before) =>
      before < 3 ? s3Error(503, 'SlowDown') : { status: 200, body: '<ListBucketResult/>' },
    );
    await store.asked;
    expect(store.told).toEqual([]);
  });
});

describe('a command without an agent', () => {
  it.each([
    [[], (text: string) => text, /^warning: the store ceph \(s3:\/\/images\/d\) at http:\S+ cannot be used now: /],
    [['--json'], (text: string) => JSON.parse(text).warning, /^the store ceph .* trying again for up to \d+ s$/],
  ])('says on standard error what it waits for, with %j', async (flags, read, expected) => {
    const config = path.join(folder, 'darkroom.yaml');
    const store = { url: 's3://images/d', endpoint: DEAD };
    const settings = { store: 'ceph', state_dir: `${folder}/state`, cache_dir: folder, stores: { ceph: store } };
    await writeFile(config, JSON.stringify({ ...settings, s3: { retry_for: 5 } }));
    const { PATH = '', HOME = '' } = process.env;
    const env = { PATH, HOME, NO_COLOR: '1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
    const line = [MAIN, 'store', 'status', '--config', config, '--connect', 'test:///default', ...flags];
    // status: a store that is away is what it prints, and no failure
    const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
      execFile(process.execPath, line, { env }, (_error, out, err) => resolve({ stdout: out, stderr: err }));
    });
    expect(stderr.trim().split('\n').map(read)).toEqual([expect.stringMatching(expected)]);
    expect(stdout).toContain('ceph');
    expect(stdout).not.toContain('trying again');
  });
});
