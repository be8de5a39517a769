import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MeasuredHost, makeMeasuredHost } from './measured-host.ts';

const MINUTE_MS = 60_000;
let host: MeasuredHost;

beforeEach(() => {
  host = makeMeasuredHost();
});
afterEach(async () => {
  const stopped = host.metrics.stop();
  await host.clock.advance(100 * MINUTE_MS);
  await stopped;
});

async function start(): Promise<void> {
  host.metrics.start();
  await host.clock.advance(0);
}

describe('a scrape', () => {
  it('is in the text format, with families of ours in base units', async () => {
    await start();
    expect((await host.metrics.render()).contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    const families = [...(await host.scrape()).values()];
    expect(families.length).toBeGreaterThan(40);
    for (const { name, type, help } of families) {
      expect(name).toMatch(/^(darkroom|process|nodejs)_/);
      expect(name).not.toMatch(/_(ms|milliseconds|kib|mib|gib)(_|$)/);
      if (name.startsWith('darkroom_')) expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(help).not.toBe('');
    }
  });

  it('says what runs here and since when', async () => {
    expect(await host.value('darkroom_build_info', { version: '1.2.3', node: process.version })).toBe(1);
    expect(await host.value('darkroom_agent_start_timestamp_seconds')).toBe(Date.UTC(2026, 0, 1) / 1000);
    expect(await host.value('process_resident_memory_bytes')).toBeGreaterThan(0);
  });

  it('has no series whose name the clients of Prometheus give to their targets', async () => {
    await start();
    const labels = new Set(
      [...(await host.scrape()).values()].flatMap(({ samples }) =>
        samples.flatMap((sample) => Object.keys(sample.labels)),
      ),
    );
    expect(labels).not.toContain('instance');
    expect(labels).not.toContain('job');
  });

  it('shares nothing with another registry', async () => {
    const other = makeMeasuredHost();
    await host.value('darkroom_operations_running');
    await host.end(await host.begin());
    expect(await host.value('darkroom_operations_total', { kind: 'image.create', status: 'succeeded' })).toBe(1);
    expect(await other.value('darkroom_operations_total', { kind: 'image.create', status: 'succeeded' })).toBe(0);
  });

  it('is answered although the journal cannot be read, and tells of it once', async () => {
    host.journal.listChanged = async () => Promise.reject(new Error('the journal is away'));
    await host.scrape();
    expect((await host.scrape()).size).toBeGreaterThan(40);
    expect(host.told).toHaveLength(1);
  });
});

describe('operations', () => {
  it('count from the start of the agent, each once, with its kind and end', async () => {
    await host.end(await host.begin({ kind: 'image.import' }));
    const early = await host.begin({ kind: 'image.create' });
    await start();
    expect(await host.value('darkroom_operations_total', { kind: 'image.import', status: 'succeeded' })).toBe(0);
    expect(await host.value('darkroom_operations_running', { kind: 'image.create' })).toBe(1);
    await host.end(early, { status: 'failed', error: { code: 'NO_SPACE', message: 'full' } });
    await host.end(await host.begin({ kind: 'image.create' }));
    for (let scrapes = 0; scrapes < 2; scrapes += 1) {
      expect(await host.value('darkroom_operations_total', { kind: 'image.create', status: 'failed' })).toBe(1);
      expect(await host.value('darkroom_operations_total', { kind: 'image.create', status: 'succeeded' })).toBe(1);
      expect(await host.value('darkroom_operations_running', { kind: 'image.create' })).toBe(0);
    }
  });

  it('are all seen, however many end between two looks', async () => {
    await start();
    for (let number = 0; number < 450; number += 1) await host.end(await host.begin({ kind: 'instance.start' }));
    expect(await host.value('darkroom_operations_total', { kind: 'instance.start', status: 'succeeded' })).toBe(450);
  });

  it('tell how long they took, how long guests were held, and what they copied', async () => {
    await start();
    const timings = {
      totalMs: 4200,
      freezeMs: 147,
      pauseMs: 0,
      copiedBytes: 3_000_000,
      overlayPeakBytes: 5 * 1024 ** 2,
    };
    await host.end(await host.begin(), { timings });
    await host.end(await host.begin(), { timings: { totalMs: 100, freezeMs: 0, pauseMs: 30, copiedBytes: 0 } });
    const ofKind = { kind: 'image.create' };
    expect(await host.value('darkroom_operation_duration_seconds_sum', ofKind)).toBeCloseTo(4.3);
    expect(await host.value('darkroom_operation_duration_seconds_count', ofKind)).toBe(2);
    expect(await host.value('darkroom_freeze_seconds_sum')).toBeCloseTo(0.147);
    expect(await host.value('darkroom_freeze_seconds_count')).toBe(1);
    expect(await host.value('darkroom_pause_seconds_sum')).toBeCloseTo(0.03);
    expect(await host.value('darkroom_pause_seconds_count')).toBe(1);
    expect(await host.value('darkroom_copied_bytes_total', ofKind)).toBe(3_000_000);
    expect(await host.value('darkroom_overlay_peak_bytes_bucket', { le: String(1024 ** 2) })).toBe(0);
    expect(await host.value('darkroom_overlay_peak_bytes_bucket', { le: String(16 * 1024 ** 2) })).toBe(1);
  });

  it('that do not tell what they copied are believed their progress, and a verify copies nothing', async () => {
    await start();
    const progress = { done: 700, total: 700, unit: 'bytes' } as const;
    await host.end(await host.begin({ kind: 'instance.launch', progress }));
    await host.end(await host.begin({ kind: 'image.verify', progress }));
    expect(await host.value('darkroom_copied_bytes_total', { kind: 'instance.launch' })).toBe(700);
    expect(await host.value('darkroom_copied_bytes_total', { kind: 'image.verify' })).toBe(0);
  });

  it('that are captures and fail are counted by their reason, from 0 on', async () => {
    await start();
    expect(await host.value('darkroom_capture_failures_total', { code: 'FREEZE_FAILED' })).toBe(0);
    const error = { code: 'FREEZE_FAILED', message: 'no' } as const;
    await host.end(await host.begin(), { status: 'failed', error });
    await host.end(await host.begin({ kind: 'image.import' }), { status: 'failed', error });
    expect(await host.value('darkroom_capture_failures_total', { code: 'FREEZE_FAILED' })).toBe(1);
  });

  it('that ended unsettled count once, and are shown until they are put right', async () => {
    const old = await host.begin();
    await host.journal.enterStep(old, 'commit', { a: 'plan' });
    await host.end(old, { status: 'interrupted' });
    await start();
    expect(await host.value('darkroom_operations_unsettled')).toBe(1);
    const id = await host.begin();
    await host.journal.enterStep(id, 'commit', { a: 'plan' });
    await host.end(id, { status: 'interrupted' });
    expect(await host.value('darkroom_operations_unsettled')).toBe(2);
    for (const each of [old, id]) {
      await host.journal.enterStep(each, 'recovered', null);
      await host.scrape();
      await host.end(each, { status: 'interrupted' });
    }
    expect(await host.value('darkroom_operations_unsettled')).toBe(0);
    expect(await host.value('darkroom_operations_total', { kind: 'image.create', status: 'interrupted' })).toBe(1);
  });

  it('show how long a guest is held while it is', async () => {
    await start();
    const id = await host.begin();
    expect(await host.value('darkroom_guest_held_seconds', { how: 'frozen' })).toBe(0);
    await host.journal.enterStep(id, 'freezing', {});
    await host.clock.advance(3000);
    await host.journal.saveProgress(id, null);
    await host.clock.advance(3000);
    expect(await host.value('darkroom_guest_held_seconds', { how: 'frozen' })).toBeGreaterThanOrEqual(5);
    expect(await host.value('darkroom_guest_held_seconds', { how: 'paused' })).toBe(0);
    await host.journal.enterStep(id, 'copy', {});
    expect(await host.value('darkroom_guest_held_seconds', { how: 'frozen' })).toBe(0);
  });
});

describe('the host', () => {
  it('shows its instances, those that it shelved, and the age of their backups', async () => {
    host.state.instances = {
      instances: [
        { id: 'a', name: 'web', state: 'active' },
        { id: 'b', name: 'mail', state: 'stopped' },
      ],
      shelved: [{ id: 'c', name: 'old', state: 'shelved_offloaded' }],
    };
    host.state.images = {
      ...host.state.images,
      backups: [
        { instanceId: 'a', createdAt: '2026-01-01T00:00:00.000Z' },
        { instanceId: 'c', createdAt: '2025-01-01T00:00:00.000Z' },
        { instanceId: 'of another host', createdAt: '2025-01-01T00:00:00.000Z' },
      ],
    };
    await start();
    expect(await host.value('darkroom_instances', { state: 'active' })).toBe(1);
    expect(await host.value('darkroom_instances', { state: 'paused' })).toBe(0);
    expect(await host.value('darkroom_shelved_instances', { state: 'shelved_offloaded' })).toBe(1);
    const backups = (await host.scrape()).get('darkroom_last_successful_backup_timestamp_seconds')?.samples;
    expect(backups?.map(({ labels, value }) => [labels['instance_name'], value])).toEqual([
      ['web', Date.UTC(2026, 0, 1) / 1000],
      ['old', Date.UTC(2025, 0, 1) / 1000],
    ]);
    host.state.instances = { instances: [], shelved: [] };
    await host.clock.advance(MINUTE_MS);
    expect(await host.value('darkroom_last_successful_backup_timestamp_seconds')).toBeUndefined();
  });

  it('shows the store, and keeps what was seen of it while it is away', async () => {
    host.state.images = {
      ...host.state.images,
      sizeBytes: 500,
      damaged: 2,
      counts: [
        { status: 'active', type: 'backup', count: 3 },
        { status: 'active', type: 'whatever', count: 1 },
      ],
    };
    await start();
    host.state.isStoreUp = false;
    await host.clock.advance(MINUTE_MS);
    expect(await host.value('darkroom_store_up')).toBe(0);
    expect(await host.value('darkroom_store_free_bytes')).toBe(1000);
    expect(await host.value('darkroom_store_reserve_bytes')).toBe(100);
    expect(await host.value('darkroom_store_size_bytes')).toBe(500);
    expect(await host.value('darkroom_images_damaged')).toBe(2);
    expect(await host.value('darkroom_images', { status: 'active', type: 'backup' })).toBe(3);
    expect(await host.value('darkroom_images', { status: 'active', type: 'other' })).toBe(1);
    expect(await host.value('darkroom_images', { status: 'error', type: 'backup' })).toBe(0);
  });

  it('shows overlays and locks as they are', async () => {
    await start();
    host.state.locks = 2;
    host.state.overlays = [{ operationId: 'o', instanceId: 'a', instanceName: 'we"b', target: 'vda', sizeBytes: 4096 }];
    expect(await host.value('darkroom_overlay_bytes', { instance_id: 'a', instance_name: 'we"b', target: 'vda' })).toBe(
      4096,
    );
    expect(await host.value('darkroom_locks_held')).toBe(2);
    host.state.overlays = [];
    expect(await host.value('darkroom_overlay_bytes')).toBeUndefined();
  });

  it('shows at once that libvirt went away or came back', async () => {
    expect(await host.value('darkroom_libvirt_up')).toBe(0);
    await start();
    expect(await host.value('darkroom_libvirt_up')).toBe(1);
    host.state.isLibvirtUp = false;
    host.emit({ kind: 'connection', isConnected: false });
    expect(await host.value('darkroom_libvirt_up')).toBe(0);
    host.state.isLibvirtUp = true;
    host.emit({ kind: 'connection', isConnected: true });
    await host.clock.advance(0);
    expect(await host.value('darkroom_libvirt_up')).toBe(1);
  });
});

describe('looks in the background', () => {
  it('are not made by scrapes', async () => {
    await start();
    for (let scrapes = 0; scrapes < 20; scrapes += 1) await host.scrape();
    expect(host.looks).toEqual({ ping: 1, instances: 1, store: 1 });
  });

  it('come once a minute, and at once when something changed', async () => {
    await start();
    await host.clock.advance(5 * MINUTE_MS + 1000);
    expect(host.looks).toMatchObject({ instances: 6, store: 6 });
    await host.end(await host.begin({ kind: 'image.delete' }));
    await host.clock.advance(3000);
    expect(host.looks).toMatchObject({ instances: 6, store: 7 });
    await host.end(await host.begin({ kind: 'instance.start' }));
    await host.clock.advance(3000);
    expect(host.looks).toMatchObject({ instances: 7, store: 7 });
    host.emit({ kind: 'lifecycle', uuid: 'a', event: 'stopped', detail: 0 });
    await host.clock.advance(3000);
    expect(host.looks).toMatchObject({ instances: 8, store: 7 });
  });

  it('are not made more often than they may, however much happens', async () => {
    await start();
    for (let events = 0; events < 100; events += 1) {
      host.emit({ kind: 'lifecycle', uuid: 'a', event: 'stopped', detail: 0 });
      await host.clock.advance(100);
    }
    expect(host.looks.instances).toBeLessThanOrEqual(6);
  });

  it('at a large store take a hundredth of the time', async () => {
    host.state.storeLookMs = 2000;
    await start();
    await host.clock.advance(60 * MINUTE_MS);
    expect(host.looks.store).toBeGreaterThanOrEqual(17);
    expect(host.looks.store).toBeLessThanOrEqual(18);
  });

  it('end when they are stopped', async () => {
    await start();
    await host.metrics.stop();
    expect(host.listeners.size).toBe(0);
    expect(host.clock.sleepers).toBe(0);
  });
});
