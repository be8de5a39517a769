import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Operation } from '../../../src/model/operation.ts';
import { createImage } from '../../../src/operations/create-image.ts';
import { settleGuest } from '../../../src/operations/steps/capture/settle-guest.ts';
import type { Core, HostSettings } from '../../../src/operations/support/context.ts';
import { OperationRunner } from '../../../src/operations/support/operation-runner.ts';
import { type SlotKind, waitForSlot } from '../../../src/operations/support/slots.ts';
import {
  type CaptureHost,
  captureRequest,
  makeCaptureHost,
  NOTHING_LEFT,
  putOnOverlays,
} from '../../support/capture-host.ts';
import { runToEnd } from '../../support/image-core.ts';

/** On a busy machine the second that vitest gives is not enough. */
const PATIENT = { timeout: 20_000 };

let host: CaptureHost;
beforeEach(() => {
  host = makeCaptureHost();
});
afterEach(() => host.dispose());

function withSettings(settings: Partial<HostSettings>): Core {
  return { ...host.core, settings: { ...host.core.settings, ...settings } };
}

async function start(core: Core): Promise<{ ended: Promise<Operation>; cancel(): void; read(): Promise<Operation> }> {
  const runner = new OperationRunner(core);
  const { id } = await runner.start(createImage, captureRequest());
  const read = async (): Promise<Operation> => (await core.journal.read(id)).operation;
  return { ended: runner.drain().then(read), cancel: () => runner.cancel(id), read };
}

const TOUCHING = ['create', 'convert', 'freezeFileSystems', 'suspendDomain', 'createDiskSnapshot'];

const touched = (): string[] =>
  [...host.diskTool.calls, ...host.hypervisor.calls].filter((call) => TOUCHING.includes(call));

describe('row 20: a capture that has to wait', () => {
  const ONE: Partial<HostSettings> = { maxConcurrentCaptures: 1, maxConcurrentCopies: 1, maxConcurrentCommits: 1 };

  it.each([
    ['capture', 'waiting for other captures'],
    ['copy', 'waiting for other copies'],
  ] as const)('for a slot of kind %s says so, and has not touched its guest', async (kind, step) => {
    const core = withSettings(ONE);
    const other = await waitForSlot(core, kind, {});
    const { ended, read } = await start(core);
    await vi.waitUntil(async () => (await read()).step === step, PATIENT);
    expect(touched()).toEqual([]);
    await other[Symbol.asyncDispose]();
    expect(await ended).toMatchObject({ status: 'succeeded' });
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it.each(['capture', 'copy'] as const)('for a slot of kind %s can be cancelled', async (kind) => {
    const core = withSettings(ONE);
    await using _other = await waitForSlot(core, kind, {});
    const { ended, read, cancel } = await start(core);
    await vi.waitUntil(async () => (await read()).step.startsWith('waiting'), PATIENT);
    cancel();
    expect(await ended).toMatchObject({ status: 'cancelled' });
    expect(touched()).toEqual([]);
    expect(await host.leftovers()).toEqual({ ...NOTHING_LEFT, locks: 1 });
  });

  it('looks again at a guest that was stopped meanwhile', async () => {
    const core = withSettings(ONE);
    const other = await waitForSlot(core, 'capture', {});
    const { ended, read } = await start(core);
    await vi.waitUntil(async () => (await read()).step.startsWith('waiting'), PATIENT);
    await host.fake.destroyDomain(host.domain.uuid);
    await other[Symbol.asyncDispose]();
    const { result } = await ended;
    expect((await host.store.readImage(result.imageId ?? '')).consistency?.achieved).toBe('offline');
  });

  it('does not count as busy a guest of which nobody but the queue knows', async () => {
    const core = withSettings(ONE);
    await using _other = await waitForSlot(core, 'capture', {});
    expect((await core.locks.list()).filter(({ key }) => key.startsWith('instance:'))).toEqual([]);
  });

  it('to commit waits for its turn while the guest runs, thawed, and holds no slot for copies', async () => {
    const core = withSettings(ONE);
    const other = await waitForSlot(core, 'commit', {});
    const { ended, read } = await start(core);
    await vi.waitUntil(async () => (await read()).step === 'waiting for other commits', PATIENT);
    expect(host.domain).toMatchObject({ powerState: 'running', isFrozen: false });
    expect((await core.locks.list()).filter(({ key }) => key.startsWith('slot:copy'))).toEqual([]);
    expect(host.hypervisor.calls).not.toContain('startActiveCommit');
    await other[Symbol.asyncDispose]();
    expect(await ended).toMatchObject({ status: 'succeeded' });
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });
});

describe('a guest on its overlays comes home although all slots are taken', () => {
  async function takeAll(core: Core): Promise<void> {
    for (const kind of ['capture', 'copy', 'commit'] satisfies SlotKind[]) {
      for (let index = 0; index < 2; index += 1) await waitForSlot(core, kind, {});
    }
  }
  const TWO: Partial<HostSettings> = { maxConcurrentCaptures: 2, maxConcurrentCopies: 2, maxConcurrentCommits: 2 };

  it('when its process died, after a few seconds', async () => {
    const core = withSettings(TWO);
    const plan = await putOnOverlays(host);
    await takeAll(core);
    const started = core.clock.monotonicMs();
    await settleGuest(core, plan);
    expect(core.clock.monotonicMs() - started).toBeLessThan(6_000);
    expect(await host.leftovers()).toEqual({ ...NOTHING_LEFT, locks: 6 });
  });

  it('when it is cancelled while it waits', async () => {
    const core = withSettings({ ...TWO, maxConcurrentCommits: 1 });
    await waitForSlot(core, 'commit', {});
    const { ended, read, cancel } = await start(core);
    await vi.waitUntil(async () => (await read()).step === 'waiting for other commits', PATIENT);
    const at = core.clock.monotonicMs();
    cancel();
    expect(await ended).toMatchObject({ status: 'cancelled' });
    expect(core.clock.monotonicMs() - at).toBeLessThan(60_000);
    expect(await host.leftovers()).toEqual({ ...NOTHING_LEFT, locks: 1 });
  });

  it('when those before it never come to an end', async () => {
    const core = withSettings({ ...TWO, maxConcurrentCommits: 1 });
    await waitForSlot(core, 'commit', {});
    const started = core.clock.monotonicMs();
    expect(await runToEnd(core, createImage, captureRequest())).toMatchObject({ status: 'succeeded' });
    expect(core.clock.monotonicMs() - started).toBeGreaterThan(600_000);
    expect(await host.leftovers()).toEqual({ ...NOTHING_LEFT, locks: 1 });
  });

  it('when the table of locks cannot be read', async () => {
    const plan = await putOnOverlays(host);
    const locks = { ...host.core.locks, list: () => Promise.reject(new Error('database disk image is malformed')) };
    await settleGuest({ ...host.core, locks }, plan);
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });
});

describe('a file system with overlays that runs out of space', () => {
  const LOW: Partial<HostSettings> = { overlayLowSpaceBytes: 1_000_000, commitBandwidthBytesPerSecond: 5 };

  let free = 1e12;
  const setFree = (bytes: number): void => {
    free = bytes;
  };
  beforeEach(() => {
    free = 1e12;
  });
  const lowCore = (settings: Partial<HostSettings> = LOW): Core => {
    const core = withSettings(settings);
    return { ...core, files: { ...core.files, freeBytes: async () => free } };
  };

  it('ends a capture before its guest runs into it: the copy is cancelled, the overlays are committed without a limit', async () => {
    let isCopyEnded = false;
    host.diskTool.before('convert', async (_options, signal) => {
      setFree(900_000);
      isCopyEnded = await vi.waitUntil(() => signal instanceof AbortSignal && signal.aborted, PATIENT);
    });
    const operation = await runToEnd(lowCore(), createImage, captureRequest());
    expect(isCopyEnded).toBe(true);
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'STORE_WRITE_FAILED' } });
    expect(operation.error?.message).toMatch(
      /given up before guest could run out of space: the file system of .*\/disks/,
    );
    expect(operation.error?.message).toMatch(/disks vda, vdb .* has 878\.9 KiB free/);
    expect(new Set(host.fake.jobSpeeds)).toEqual(new Set([0]));
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
    expect((await host.store.listImages()).images).toEqual([]);
  });

  it('lifts the limit of a commit that runs, and says so', async () => {
    host.fake.areCommitsReady = false;
    host.clock.onSleep = () => {
      if (host.domain.blockJobs.size === 0) return;
      setFree(900_000);
      if (host.fake.jobSpeeds.at(-1) !== 0) return;
      for (const [target, job] of host.domain.blockJobs) host.domain.blockJobs.set(target, { ...job, isReady: true });
      host.fake.areCommitsReady = true;
    };
    const operation = await runToEnd(lowCore(), createImage, captureRequest());
    expect(operation.status).toBe('succeeded');
    expect(host.fake.jobSpeeds).toEqual([5, 0, 0]);
    expect(operation.warnings.join()).toContain('disk vda was committed without its limit (commit_bandwidth)');
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it('does not keep a capture waiting for its turn to commit', async () => {
    const core = lowCore({ ...LOW, maxConcurrentCommits: 1 });
    await waitForSlot(core, 'commit', {});
    const { ended, read } = await start(core);
    await vi.waitUntil(async () => (await read()).step === 'waiting for other commits', PATIENT);
    const at = core.clock.monotonicMs();
    setFree(900_000);
    expect(await ended).toMatchObject({ status: 'succeeded' });
    expect(core.clock.monotonicMs() - at).toBeLessThan(60_000);
  });

  it('is refused at once where a capture would be given up right after it began', async () => {
    free = 100_000_000;
    const operation = await runToEnd(lowCore({ overlayLowSpaceBytes: 100_000_000 }), createImage, captureRequest());
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'NO_SPACE' } });
    expect(touched()).toEqual([]);
  });

  it('is looked at again when a look fails', async () => {
    let failures = -1;
    const core = lowCore();
    const freeBytes = async (): Promise<number> => {
      if (failures < 0 || failures > 2) return free;
      failures += 1;
      throw new Error('EIO');
    };
    host.diskTool.before('convert', () => {
      failures = Math.max(failures, 0);
      return vi.waitUntil(() => failures > 2, PATIENT);
    });
    const operation = await runToEnd({ ...core, files: { ...core.files, freeBytes } }, createImage, captureRequest());
    expect(operation).toMatchObject({ status: 'succeeded' });
  });
});

it('the figures of a capture are all there', async () => {
  const { timings } = await host.capture();
  for (const name of ['freezeMs', 'pauseMs', 'copyMs', 'commitMs', 'copiedBytes', 'overlayPeakBytes', 'totalMs']) {
    expect(timings, name).toHaveProperty(name);
  }
  expect(timings['copiedBytes']).toBeGreaterThan(0);
  expect(timings['overlayPeakBytes']).toBeGreaterThan(0);
  expect(timings['overlayPeakBytes']).toBe(
    (timings['overlayPeakBytes.vda'] ?? 0) + (timings['overlayPeakBytes.vdb'] ?? 0),
  );
});
