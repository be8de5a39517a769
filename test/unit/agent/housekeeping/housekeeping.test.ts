import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Housekeeping } from '../../../../src/agent/housekeeping/start-housekeeping.ts';
import { sampleInstance, sampleSchedule } from '../samples.ts';
import { INTERVAL_MS, type KeptHost, makeKeptHost } from './kept-host.ts';

let host: KeptHost;
let housekeeping: Housekeeping;

beforeEach(async () => {
  host = makeKeptHost();
  housekeeping = host.start();
  await host.clock.advance(0);
});
afterEach(() => housekeeping.stop());

describe('housekeeping', () => {
  it('looks at once, and at every interval', async () => {
    expect(host.state.recoveries).toBe(1);
    await host.clock.advance(INTERVAL_MS - 1);
    expect(host.state.recoveries).toBe(1);
    await host.clock.advance(1 + 2 * INTERVAL_MS);
    expect(host.state.recoveries).toBe(4);
  });

  it('looks at once when libvirt is back, and not when it goes away', async () => {
    for (const listener of host.listeners) listener({ kind: 'connection', isConnected: false });
    await host.clock.advance(10);
    expect(host.state.recoveries).toBe(1);
    host.state.due = ['web'];
    for (const listener of host.listeners) listener({ kind: 'connection', isConnected: true });
    await host.clock.advance(10);
    expect(host.state.recoveries).toBe(2);
    expect(host.asked('instance.offload')).toEqual(['web']);
  });

  it('looks again after a recovery in the middle of which libvirt came back', async () => {
    host.state.onRecover = () => host.clock.sleep(5_000);
    await host.round();
    for (const listener of host.listeners) listener({ kind: 'connection', isConnected: true });
    await host.clock.advance(4_999);
    expect(host.state.recoveries).toBe(2);
    await host.clock.advance(1);
    expect(host.state.recoveries).toBe(3);
    host.state.onRecover = async () => undefined;
    await host.clock.advance(5_000);
  });

  it('is not stopped by a task that hangs or fails, and tells of the failure once', async () => {
    host.state.onRecover = async () => Promise.reject(new Error('the journal is locked'));
    await host.round();
    await host.round();
    host.state.onDueOffloads = () => host.clock.sleep(10 * INTERVAL_MS);
    await host.addMade('image');
    await host.round();
    expect(host.asked('image.verify')).toEqual(['image']);
    expect(host.told.filter((message) => message.includes('failed'))).toHaveLength(1);
    host.state.onRecover = async () => undefined;
    await host.round();
    expect(host.told).toContain('a task in the background works again');
    host.state.onDueOffloads = async () => undefined;
    await host.clock.advance(10 * INTERVAL_MS);
  });

  it('takes no time that a clock which was set shows, but its own', async () => {
    host.clock.setTime('2028-01-01T00:00:00.000Z');
    await host.clock.advance(INTERVAL_MS - 1);
    expect(host.state.recoveries).toBe(1);
    host.clock.setTime('2020-01-01T00:00:00.000Z');
    await host.clock.advance(1);
    expect(host.state.recoveries).toBe(2);
  });

  it('stops when what goes on has ended, begins nothing more, and listens no more', async () => {
    host.state.onRecover = () => host.clock.sleep(5_000);
    await host.round();
    let isStopped = false;
    const stopped = housekeeping.stop().then(() => {
      isStopped = true;
    });
    expect(host.listeners.size).toBe(0);
    await host.clock.advance(4_000);
    expect(isStopped).toBe(false);
    await host.clock.advance(1_000);
    await stopped;
    host.state.due = ['web'];
    await host.round();
    expect(host.asked('instance.offload')).toEqual([]);
    expect(host.state.recoveries).toBe(2);
    expect(host.clock.sleepers).toBe(0);
  });
});

describe('row 39: the offload of instances whose time is over', () => {
  it('is asked for once', async () => {
    host.state.due = ['web'];
    await host.round();
    await host.round();
    expect(host.asked('instance.offload')).toEqual(['web']);
  });

  it('is tried again in the next round while somebody works on the instance', async () => {
    host.state.due = ['busy', 'idle'];
    host.state.refusals.set('busy', 'INSTANCE_BUSY');
    await host.round();
    expect(host.asked('instance.offload')).toEqual(['idle']);
    expect(host.told.filter((message) => message.includes('failed'))).toEqual([]);
    host.state.refusals.clear();
    await host.round();
    expect(host.asked('instance.offload')).toEqual(['idle', 'busy']);
  });

  it('is not held up by one that is refused for another reason', async () => {
    host.state.due = ['broken', 'sound'];
    host.state.refusals.set('broken', 'SHELF_DAMAGED');
    await host.round();
    expect(host.asked('instance.offload')).toEqual(['sound']);
    expect(host.told.filter((message) => message.includes('failed'))).toHaveLength(1);
  });

  it('is done two at a time', async () => {
    host.state.due = ['a', 'b', 'c'];
    await host.round();
    expect(host.asked('instance.offload')).toEqual(['a', 'b']);
    await host.end('succeeded');
    host.state.due = ['a', 'c'];
    await host.round();
    expect(host.asked('instance.offload')).toEqual(['a', 'b', 'c']);
  });

  it('is tried ever more rarely when it fails', async () => {
    host.state.due = ['web'];
    const tries: number[] = [];
    for (let rounds = 0; rounds < 1000; rounds += 1) {
      const before = host.asked('instance.offload').length;
      await host.round();
      if (host.asked('instance.offload').length === before) continue;
      tries.push(host.clock.monotonicMs());
      await host.end('failed');
    }
    const waits = tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
    expect(waits.slice(0, 4)).toEqual([90_000, 150_000, 270_000, 510_000]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(3_600_000 + 2 * INTERVAL_MS);
  });

  it('begins anew for one that came back and was shelved again', async () => {
    host.state.due = ['web'];
    await host.round();
    await host.end('failed');
    await host.round();
    host.state.due = [];
    await host.round();
    host.state.due = ['web'];
    await host.round();
    expect(host.asked('instance.offload')).toEqual(['web', 'web']);
  });
});

describe('the checksums of images that were cloned', () => {
  it('are made one at a time', async () => {
    await host.addMade('first');
    await host.addMade('second');
    await host.round();
    await host.round();
    expect(host.asked('image.verify')).toEqual(['first']);
    await host.end('succeeded');
    await host.round();
    expect(host.asked('image.verify')).toEqual(['first', 'second']);
  });

  it('wait until nothing else runs on the host', async () => {
    host.state.due = ['web'];
    await host.round();
    await host.addMade('image');
    await host.round();
    expect(host.asked('image.verify')).toEqual([]);
    await host.end('succeeded');
    host.state.due = [];
    await host.round();
    expect(host.asked('image.verify')).toEqual(['image']);
  });

  it('are made of what an earlier agent of this host made', async () => {
    await housekeeping.stop();
    const known = { checksum: { algorithm: 'sha256', value: 'a'.repeat(64) } } as const;
    for (let number = 0; number < 450; number += 1) await host.addMade(`known-${number}`, known);
    await host.addMade('cloned');
    housekeeping = host.start();
    await host.clock.advance(0);
    expect(host.asked('image.verify')).toEqual(['cloned']);
  });

  it('are left to the host that made the image', async () => {
    await host.addMade('ours');
    const theirs = host.images.get('ours');
    if (theirs !== undefined) host.images.set('theirs', { ...theirs, id: 'theirs' });
    host.images.delete('ours');
    await host.round();
    expect(host.asked('image.verify')).toEqual([]);
  });

  it.each([
    ['is known already', { checksum: { algorithm: 'sha256', value: 'a'.repeat(64) } }],
    ['failed its verify', { status: 'error' }],
    ['is shelved', { properties: { image_type: 'shelved' } }],
  ] as const)('are not made of one that %s', async (_, changes) => {
    await host.addMade('image', changes);
    await host.round();
    expect(host.asked('image.verify')).toEqual([]);
  });

  it('are not tried again and again when it fails', async () => {
    await host.addMade('image');
    await host.round();
    await host.end('failed');
    for (let rounds = 0; rounds < 20; rounds += 1) await host.round();
    expect(host.asked('image.verify')).toEqual(['image']);
  });

  it('wait for who works on the image', async () => {
    await host.addMade('image');
    host.state.refusals.set('image', 'IMAGE_BUSY');
    await host.round();
    host.state.refusals.clear();
    await host.round();
    expect(host.asked('image.verify')).toEqual(['image']);
  });
});

describe('backup schedules', () => {
  const at = '2026-01-01T00:00:00.000Z';
  const hourly = { ...sampleSchedule, policy: null, cron: '0 * * * *', createdAt: at, handledUntil: at };
  const waits: readonly [string, number][] = [
    ['begin on the minute, however seldom the rest is looked at', 3_600_000],
    ['begin on the minute where an interval is longer still', 7_200_000],
  ];

  it.each(waits)('%s', async (_, intervalMs) => {
    await housekeeping.stop();
    host.settings.housekeepingIntervalMs = intervalMs;
    housekeeping = host.start();
    await host.book.add(hourly);
    await host.clock.advance(3_599_999);
    expect(host.asked('backup.create')).toEqual([]);
    await host.clock.advance(1);
    expect(host.asked('backup.create')).toEqual([sampleInstance.id]);
  });

  it('are told of at once when they fail, and what cannot be told holds up no backup', async () => {
    await host.book.add({ ...hourly, cron: '* * * * *' });
    host.notifier.send = () => host.clock.sleep(600_000);
    host.state.refusals.set(sampleInstance.id, 'NO_DISKS');
    await host.clock.advance(60_000);
    expect((await host.book.listRuns({})).map(({ status }) => status)).toEqual(['failed']);
    host.state.refusals.clear();
    await host.clock.advance(60_000);
    expect(host.asked('backup.create')).toEqual([sampleInstance.id]);
    await host.clock.advance(600_000);
    expect(host.told).toContain('a notification was sent');
  });
});
