import { beforeEach, describe, expect, it } from 'vitest';
import { createReadiness, type Readiness } from '../../../../src/agent/health/readiness.ts';
import { DarkroomError } from '../../../../src/model/errors.ts';
import { createManualClock, type ManualClock } from '../../../support/manual-clock.ts';

let clock: ManualClock;
let host: { isRecovered: boolean; libvirt: () => Promise<void>; store: () => Promise<void> };
let asked: { libvirt: number; store: number };
let readiness: () => Promise<Readiness>;

const well = async (): Promise<void> => undefined;
const failing = async (): Promise<void> => Promise.reject(new DarkroomError('LIBVIRT_UNREACHABLE', 'it is away'));

beforeEach(() => {
  clock = createManualClock();
  host = { isRecovered: true, libvirt: well, store: well };
  asked = { libvirt: 0, store: 0 };
  const nothing = () => Promise.reject(new Error('not asked for'));
  readiness = createReadiness(
    {
      get isRecovered() {
        return host.isRecovered;
      },
      ping: () => {
        asked.libvirt += 1;
        return host.libvirt();
      },
      survey: {
        instances: nothing,
        overlays: nothing,
        images: nothing,
        storeSpace: nothing,
        countLocks: nothing,
        requireWritableStore: () => {
          asked.store += 1;
          return host.store();
        },
      },
    },
    clock,
  );
});

describe('a host', () => {
  it('is ready when it is recovered, libvirt answers and the store is writable', async () => {
    const ok = { isOk: true, reason: null };
    expect(await readiness()).toEqual({
      status: 'ready',
      checks: [
        { name: 'recovery', ...ok },
        { name: 'libvirt', ...ok },
        { name: 'store', ...ok },
      ],
    });
  });

  it('is not ready before its recovery', async () => {
    host.isRecovered = false;
    expect(await readiness()).toMatchObject({
      status: 'unready',
      checks: [{ isOk: false }, { isOk: true }, { isOk: true }],
    });
    host.isRecovered = true;
    expect((await readiness()).status).toBe('ready');
  });

  it.each(['libvirt', 'store'] as const)('is not ready without %s, and says why', async (name) => {
    host[name] = failing;
    const { status, checks } = await readiness();
    expect(status).toBe('unready');
    expect(checks.filter(({ isOk }) => !isOk)).toEqual([
      { name, isOk: false, reason: 'LIBVIRT_UNREACHABLE: it is away' },
    ]);
  });

  it('is not ready while something does not answer, which is asked once all the same', async () => {
    let answer = (): void => undefined;
    host.libvirt = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    const [first, second] = await Promise.all([readiness(), readiness()]);
    expect(first).toEqual(second);
    expect(first?.checks[1]).toEqual({ name: 'libvirt', isOk: false, reason: 'no answer within 3 s' });
    expect(asked.libvirt).toBe(1);
    answer();
    await clock.advance(0);
    expect((await readiness()).status).toBe('ready');
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
    expect((await readiness()).status).toBe('unready');
    host.store = well;
    expect((await readiness()).status).toBe('unready');
    await clock.advance(1000);
    expect((await readiness()).status).toBe('ready');
  });
});
