import { beforeEach, describe, expect, it } from 'vitest';
import type { LibvirtState } from '../../../src/agent/daemon/libvirt-check.ts';
import { createReadiness } from '../../../src/agent/health/readiness.ts';
import type { Readiness } from '../../../src/api/schemas/readiness.ts';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { StoreOutage } from '../../../src/model/store.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { createRememberingLogger, type RememberingLogger } from '../../support/remembering-logger.ts';

let clock: ManualClock;
let log: RememberingLogger;
let host: { isRecovered: boolean; isStopping: boolean; libvirt: LibvirtState; store: () => Promise<void> };
let outage: StoreOutage | null;
let asked: { libvirt: number; store: number };
/** As strangers see it. */
let readiness: () => Promise<Readiness>;
let readinessOnHost: () => Promise<Readiness>;

const ANSWERS = { kind: 'answers', error: null } as const;
const well = async (): Promise<void> => undefined;
const failing = async (): Promise<void> =>
  Promise.reject(new DarkroomError('STORE_UNUSABLE', '/srv/store cannot be written to'));

beforeEach(() => {
  clock = createManualClock();
  log = createRememberingLogger();
  host = { isRecovered: true, isStopping: false, libvirt: ANSWERS, store: well };
  outage = null;
  asked = { libvirt: 0, store: 0 };
  const look = createReadiness({
    clock,
    log,
    lastOutage: () => outage,
    gate: {
      get isClosed() {
        return host.isStopping;
      },
    },
    libvirt: {
      ask: async () => {
        asked.libvirt += 1;
        return host.libvirt;
      },
    },
    application: {
      get isRecovered() {
        return host.isRecovered;
      },
      survey: {
        requireWritableStore: () => {
          asked.store += 1;
          return host.store();
        },
      },
    },
  });
  readiness = () => look({ isLocal: false });
  readinessOnHost = () => look({ isLocal: true });
});

async function failures(): Promise<readonly unknown[]> {
  const { status, checks } = await readiness();
  const failed = checks.filter(({ isOk }) => !isOk);
  expect(status).toBe(failed.length === 0 ? 'ready' : 'unready');
  return failed.map(({ name, reason }) => [name, reason]);
}

describe('a host', () => {
  it('is ready when it is recovered, libvirt answers and the store is writable', async () => {
    const seen = await readiness();
    expect(seen.checks.map(({ name }) => name)).toEqual(['recovery', 'libvirt', 'store', 'work']);
    expect(await failures()).toEqual([]);
  });

  it('is not ready before its recovery', async () => {
    host.isRecovered = false;
    expect(await failures()).toEqual([['recovery', 'what died is not put right yet']]);
    host.isRecovered = true;
    expect(await failures()).toEqual([]);
  });

  it.each([
    ['unreachable', 'LIBVIRT_UNREACHABLE'],
    ['silent', 'no answer'],
  ] as const)('is not ready while libvirt is %s', async (kind, reason) => {
    host.libvirt = { kind, error: 'it is away' };
    expect(await failures()).toEqual([['libvirt', reason]]);
  });

  it('is not ready without its store, and tells strangers nothing of where that lies', async () => {
    host.store = failing;
    expect(await failures()).toEqual([['store', 'STORE_UNUSABLE']]);
    expect(JSON.stringify(await readiness())).not.toContain('/srv');
  });

  it('tells those on the host itself what was seen', async () => {
    host.store = failing;
    host.libvirt = { kind: 'silent', error: 'libvirt does not answer within 3000 ms' };
    host.isStopping = true;
    const { checks } = await readinessOnHost();
    expect(checks.map(({ name, reason, error }) => [name, reason, error])).toEqual([
      ['recovery', null, null],
      ['libvirt', 'no answer', { code: 'LIBVIRT_UNREACHABLE', message: 'libvirt does not answer within 3000 ms' }],
      ['store', 'STORE_UNUSABLE', { code: 'STORE_UNUSABLE', message: '/srv/store cannot be written to' }],
      ['work', 'the agent is stopping', null],
    ]);
    expect((await readiness()).checks.map(({ error }) => error)).toEqual([null, null, null, null]);
  });

  it('says that its store is waited for', async () => {
    const seen = async () => (await readinessOnHost()).checks.find(({ name }) => name === 'store');
    host.store = () => new Promise(() => undefined);
    expect(await seen()).toMatchObject({
      reason: 'no answer',
      error: { code: 'STORE_UNUSABLE', message: 'no answer within 3 s, and it is waited for' },
    });
    const [location, endpoint] = ['s3://b/p', 'http://h:1'];
    outage = { store: 'ceph', location, endpoint, reason: 'connection refused (ECONNREFUSED)', forMs: 9 };
    expect((await seen())?.error?.message).toBe(
      'no answer within 3 s, and it is waited for: s3://b/p at http://h:1: connection refused (ECONNREFUSED)',
    );
  }, 10_000);

  it('says what its store said before while that takes its time the next time', async () => {
    const seen = async () => (await readinessOnHost()).checks.find(({ name }) => name === 'store');
    host.store = failing;
    await seen();
    await clock.advance(1000);
    host.store = () => new Promise(() => undefined);
    expect(await seen()).toMatchObject({
      reason: 'STORE_UNUSABLE',
      error: { message: '/srv/store cannot be written to' },
    });
  }, 10_000);

  it('is not ready when its agent stops', async () => {
    host.isStopping = true;
    expect(await failures()).toEqual([['work', 'the agent is stopping']]);
  });

  it('is not ready while its store does not answer, which is asked once all the same', async () => {
    let answer = (): void => undefined;
    host.store = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    const [first, second] = await Promise.all([failures(), failures()]);
    expect(first).toEqual([['store', 'no answer']]);
    expect(second).toEqual(first);
    expect(asked.store).toBe(1);
    answer();
    await clock.advance(0);
    expect(await failures()).toEqual([]);
  }, 10_000);

  it('is looked at once a second however often somebody asks, its store more rarely', async () => {
    for (let asks = 0; asks < 100; asks += 1) await readiness();
    expect(asked).toEqual({ libvirt: 1, store: 1 });
    await clock.advance(1000);
    await readiness();
    expect(asked).toEqual({ libvirt: 2, store: 1 });
    await clock.advance(9000);
    await readiness();
    expect(asked).toEqual({ libvirt: 3, store: 2 });
  });

  it('is ready again a second after its store is', async () => {
    host.store = failing;
    expect(await failures()).toHaveLength(1);
    host.store = well;
    expect(await failures()).toHaveLength(1);
    await clock.advance(1000);
    expect(await failures()).toEqual([]);
  });

  it('says in the log once why it is not ready, and once that it is', async () => {
    host.store = failing;
    await readiness();
    await readiness();
    host.store = well;
    await clock.advance(1000);
    await readiness();
    await readiness();
    expect(log.lines).toMatchObject([
      { level: 'warn', fields: { check: 'store', error: '/srv/store cannot be written to' } },
      { level: 'info', fields: { check: 'store' } },
    ]);
  });
});
