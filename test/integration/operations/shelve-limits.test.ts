import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Operation } from '../../../src/model/operation.ts';
import { createImage } from '../../../src/operations/create-image.ts';
import { shelveInstance } from '../../../src/operations/shelve-instance.ts';
import { OperationRunner } from '../../../src/operations/support/operation-runner.ts';
import { waitForSlot } from '../../../src/operations/support/slots.ts';
import { unshelveInstance } from '../../../src/operations/unshelve-instance.ts';
import { captureRequest } from '../../support/capture-host.ts';
import { writeFakeDisk } from '../../support/fake-disk-tool.ts';
import { runToEnd } from '../../support/image-core.ts';
import {
  makeShelfHost,
  putGuest,
  type ShelfHost,
  separateStore,
  shelveRequest,
  unshelveRequest,
} from '../../support/shelf-host.ts';

/** On a busy machine the second that vitest gives is not enough. */
const PATIENT = { timeout: 20_000 };

let host: ShelfHost;
beforeEach(async () => {
  host = makeShelfHost({ settings: { maxConcurrentCaptures: 1, maxConcurrentCopies: 1 } });
  await putGuest(host);
});
afterEach(() => host.dispose());

async function startShelve(): Promise<{ ended: Promise<Operation>; cancel(): void; read(): Promise<Operation> }> {
  const runner = new OperationRunner(host.core);
  const { id } = await runner.start(shelveInstance, shelveRequest());
  const read = async (): Promise<Operation> => (await host.core.journal.read(id)).operation;
  return { ended: runner.drain().then(read), cancel: () => runner.cancel(id), read };
}

function putOther(): void {
  const disk = host.at('disks', 'other.qcow2');
  writeFakeDisk(disk, { content: 'of the other' });
  host.fakes.hypervisor.put(
    `<domain type='kvm'><name>other</name><uuid>11111111-2222-4333-8444-555555555555</uuid><memory unit='MiB'>64</memory>
      <vcpu>1</vcpu><os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><devices><disk type='file' device='disk'>
      <driver type='qcow2'/><source file='${disk}'/><target dev='vda' bus='virtio'/></disk></devices></domain>`,
  );
}

it('row 20: a shelve counts as a capture: it waits for its turn, and its guest runs on meanwhile', async () => {
  const capture = await waitForSlot(host.core, 'capture', {});
  const { ended, read } = await startShelve();
  await vi.waitUntil(async () => (await read()).step === 'waiting for other captures', PATIENT);
  expect(host.guest()?.powerState).toBe('running');
  expect(host.hypervisor.calls).not.toContain('shutdownDomain');
  await capture[Symbol.asyncDispose]();
  expect(await ended).toMatchObject({ status: 'succeeded' });
  expect(await host.core.locks.list()).toEqual([]);
});

it('row 20: a capture waits for a shelve', async () => {
  let capturing: Promise<Operation> | null = null;
  host.hypervisor.before('shutdownDomain', async () => {
    capturing = runToEnd(host.core, createImage, captureRequest({ instance: 'other' }));
    const waits = async (): Promise<boolean> => {
      const [newest] = await host.core.journal.list({ kind: 'image.create' });
      return newest?.operation.step === 'waiting for other captures';
    };
    await vi.waitUntil(waits, PATIENT);
  });
  putOther();
  expect(await runToEnd(host.core, shelveInstance, shelveRequest())).toMatchObject({ status: 'succeeded' });
  expect(await capturing).toMatchObject({ status: 'succeeded' });
});

it('row 20: a shelve that waits is cancelled at once, and its guest never knew', async () => {
  await waitForSlot(host.core, 'capture', {});
  const { ended, read, cancel } = await startShelve();
  await vi.waitUntil(async () => (await read()).step === 'waiting for other captures', PATIENT);
  cancel();
  expect(await ended).toMatchObject({ status: 'cancelled' });
  expect(host.guest()?.powerState).toBe('running');
});

it('row 20: a shelve looks again at a guest that was undefined while it waited', async () => {
  const capture = await waitForSlot(host.core, 'capture', {});
  const { ended, read } = await startShelve();
  await vi.waitUntil(async () => (await read()).step === 'waiting for other captures', PATIENT);
  host.fakes.hypervisor.domains.clear();
  await capture[Symbol.asyncDispose]();
  expect(await ended).toMatchObject({ status: 'failed', error: { code: 'INSTANCE_NOT_FOUND' } });
});

it('row 20: a shelve that copies waits for a place to copy to, and one that moves does not', async () => {
  await waitForSlot(host.core, 'copy', {});
  expect((await runToEnd(host.core, shelveInstance, shelveRequest())).status).toBe('succeeded');
});

it('row 20: the copies of a shelve count with all other copies', async () => {
  separateStore(host);
  host.fakes.files.canLink = false;
  const copy = await waitForSlot(host.core, 'copy', {});
  const { ended, read } = await startShelve();
  await vi.waitUntil(async () => (await read()).step === 'waiting for other copies', PATIENT);
  expect(host.diskTool.calls).not.toContain('convert');
  await copy[Symbol.asyncDispose]();
  const { status, timings } = await ended;
  expect(status).toBe('succeeded');
  expect(timings).toMatchObject({ freezeMs: 0, pauseMs: 0, commitMs: 0, overlayPeakBytes: 0 });
  expect(timings['copiedBytes']).toBeGreaterThan(0);
});

it('every copy and every commit keeps to its bandwidth', async () => {
  const settings = { copyBandwidthBytesPerSecond: 7, commitBandwidthBytesPerSecond: 5 };
  const limited = { ...host.core, settings: { ...host.core.settings, ...settings } };
  const copies: unknown[] = [];
  host.diskTool.before('convert', (options) => copies.push(limitOf(options)));
  separateStore(host);
  putOther();
  host.fakes.hypervisor.domains.forEach((domain) => {
    if (domain.name === 'other') Object.assign(domain, { powerState: 'running', activeXml: domain.inactiveXml });
  });
  expect((await runToEnd(limited, createImage, captureRequest({ instance: 'other' }))).status).toBe('succeeded');
  expect([copies, host.fakes.hypervisor.jobSpeeds]).toEqual([[7], [5]]);
  expect((await runToEnd(limited, shelveInstance, shelveRequest())).status).toBe('succeeded');
  expect(copies).toEqual([7, 7, 7]);
  expect((await runToEnd(limited, unshelveInstance, unshelveRequest())).status).toBe('succeeded');
  expect(copies.length).toBeGreaterThan(3);
  expect(new Set(copies)).toEqual(new Set([7]));
});

function limitOf(options: unknown): unknown {
  const isStated = typeof options === 'object' && options !== null && 'bandwidthBytesPerSecond' in options;
  return isStated ? options.bandwidthBytesPerSecond : null;
}
