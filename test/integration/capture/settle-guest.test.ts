import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RequestedConsistency } from '../../../src/model/consistency.ts';
import { DarkroomError, type ErrorCode } from '../../../src/model/errors.ts';
import { createImage, recoverCreateImage } from '../../../src/operations/create-image.ts';
import { settleGuest } from '../../../src/operations/steps/capture/settle-guest.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import {
  type CaptureHost,
  captureRequest,
  GUEST_UUID,
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

function failure(code: ErrorCode): DarkroomError {
  return new DarkroomError(code, 'as the test wants it');
}

interface FailingStep {
  readonly what: string;
  readonly fail: (host: CaptureHost) => void;
  readonly consistency?: RequestedConsistency;
}

/** Each fails for good. */
const FAILING: readonly FailingStep[] = [
  { what: 'the draft cannot be made', fail: (all) => all.failDraft('create', failure('STORE_WRITE_FAILED')) },
  { what: 'an overlay cannot be made', fail: ({ diskTool }) => diskTool.failOn('create', failure('NO_SPACE')) },
  {
    what: 'the overlay of the second disk cannot be made its own',
    fail: ({ files }) => {
      let calls = 0;
      files.before('setOwnership', () => {
        calls += 1;
        if (calls === 2) throw failure('INTERNAL');
      });
    },
  },
  {
    what: 'the freeze is refused',
    fail: ({ hypervisor }) => hypervisor.failOn('freezeFileSystems', failure('FREEZE_FAILED')),
    consistency: 'quiesced',
  },
  {
    what: 'the freeze is never answered and happens all the same',
    fail: ({ hypervisor }) => hypervisor.failAfter('freezeFileSystems', failure('AGENT_UNRESPONSIVE')),
    consistency: 'quiesced',
  },
  {
    what: 'the snapshot is refused',
    fail: ({ hypervisor }) => hypervisor.failOn('createDiskSnapshot', failure('LIBVIRT_FAILED')),
  },
  {
    what: 'the snapshot is taken and its answer lost',
    fail: ({ hypervisor }) => hypervisor.failAfter('createDiskSnapshot', failure('LIBVIRT_UNREACHABLE')),
  },
  {
    what: 'the snapshot of a paused guest is refused',
    fail: ({ hypervisor }) => hypervisor.failOn('createDiskSnapshot', failure('LIBVIRT_FAILED')),
    consistency: 'paused',
  },
  {
    what: 'the pause happens and its answer is lost',
    fail: ({ hypervisor }) => hypervisor.failAfter('suspendDomain', failure('LIBVIRT_UNREACHABLE')),
    consistency: 'paused',
  },
  {
    what: 'the guest cannot be resumed at first',
    fail: ({ hypervisor }) => hypervisor.failOn('resumeDomain', failure('LIBVIRT_FAILED')),
    consistency: 'paused',
  },
  { what: 'a disk cannot be copied', fail: ({ diskTool }) => diskTool.failOn('convert', failure('QEMU_IMG_FAILED')) },
  { what: 'a disk cannot be sealed', fail: (all) => all.failDraft('seal', failure('STORE_WRITE_FAILED')) },
  { what: 'the copy is not sound', fail: ({ diskTool }) => diskTool.failOn('check', failure('QEMU_IMG_FAILED')) },
  { what: 'the image cannot be published', fail: (all) => all.failDraft('publish', failure('NO_SPACE')) },
  {
    what: 'the journal cannot be written after the snapshot',
    fail: ({ journal }) =>
      journal.before('enterStep', (_id, step) => {
        if (step === 'copy') throw failure('INTERNAL');
      }),
  },
];

it.each(FAILING.map((step) => [step.what, step] as const))(
  'row 24, row 18: the guest is as it was, and nothing is left, when %s',
  async (_what, { fail, consistency }) => {
    fail(host);
    const operation = await host.capture(consistency === undefined ? {} : { consistency });
    expect(operation).toMatchObject({ status: 'failed', result: {} });
    expect(operation.error).not.toBeNull();
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
    expect((await host.store.listImages()).images).toEqual([]);
    expect(await host.core.journal.list({ isUnsettled: true })).toEqual([]);
  },
);

const PASSING: readonly FailingStep[] = [
  {
    what: 'the thaw fails twice',
    fail: ({ hypervisor }) => hypervisor.failOn('thawFileSystems', failure('AGENT_UNRESPONSIVE'), { times: 2 }),
  },
  {
    what: 'the resume meets a libvirtd that restarts',
    fail: ({ hypervisor }) => hypervisor.failOn('resumeDomain', failure('LIBVIRT_UNREACHABLE'), { times: 3 }),
    consistency: 'paused',
  },
  {
    what: 'a commit is refused twice',
    fail: ({ hypervisor }) => hypervisor.failOn('startActiveCommit', failure('LIBVIRT_FAILED'), { times: 2 }),
  },
  {
    what: 'a pivot is refused twice',
    fail: ({ hypervisor }) => hypervisor.failOn('pivotBlockJob', failure('LIBVIRT_FAILED'), { times: 2 }),
  },
  {
    what: 'a pivot happens and its answer is lost',
    fail: ({ hypervisor }) => hypervisor.failAfter('pivotBlockJob', failure('LIBVIRT_UNREACHABLE')),
  },
  {
    what: 'libvirtd is away for half a minute when the disks are to be committed',
    fail: ({ hypervisor }) => hypervisor.failOn('startActiveCommit', failure('LIBVIRT_UNREACHABLE'), { times: 100 }),
  },
];

it.each(PASSING.map((step) => [step.what, step] as const))(
  'the capture succeeds, and the guest is as it was, when %s',
  async (_what, { fail, consistency }) => {
    fail(host);
    const operation = await host.capture(consistency === undefined ? {} : { consistency });
    expect(operation.error).toBeNull();
    expect(operation.status).toBe('succeeded');
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  },
);

it('the guest is back on its chain before its image is checked', async () => {
  const order: string[] = [];
  host.hypervisor.before('pivotBlockJob', () => order.push('pivot'));
  host.diskTool.before('check', () => order.push('check'));
  await host.capture();
  expect(order).toEqual(['pivot', 'pivot', 'check', 'check']);
});

it('row 25: a freeze that came too late is thawed before the capture falls back to a pause', async () => {
  host.hypervisor.failAfter('freezeFileSystems', failure('AGENT_UNRESPONSIVE'));
  const frozenAtPause: boolean[] = [];
  host.hypervisor.before('suspendDomain', () => frozenAtPause.push(host.domain.isFrozen));
  const operation = await host.capture();
  expect(operation.status).toBe('succeeded');
  expect(frozenAtPause).toEqual([false]);
  expect(operation.warnings.join()).toContain('Paused instead of quiesced');
});

it('row 25: a snapshot call that blocks keeps no guest frozen beyond the window', async () => {
  const core = { ...host.core, settings: { ...host.core.settings, freezeWindowMs: 20 } };
  host.hypervisor.before('createDiskSnapshot', () => vi.waitUntil(() => !host.domain.isFrozen, PATIENT));
  const operation = await runToEnd(core, createImage, captureRequest());
  expect(operation.status).toBe('succeeded');
  expect(await host.leftovers()).toEqual(NOTHING_LEFT);
});

describe('what cannot be put right at once', () => {
  it('stays in the journal while no commit works, and is put right at the next start', async () => {
    host.hypervisor.failOn('startActiveCommit', failure('LIBVIRT_FAILED'), { times: 1000 });
    const operation = await host.capture();
    expect(operation.status).toBe('interrupted');
    expect(host.domain).toMatchObject({ powerState: 'running', isFrozen: false });
    expect((await host.leftovers()).files).toHaveLength(4);

    host.hypervisor.failOn('startActiveCommit', failure('LIBVIRT_FAILED'), { times: 0 });
    await recoverOperations(host.afterDeath(), { 'image.create': recoverCreateImage });
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
    const [recovered] = await host.core.journal.list();
    expect(recovered).toMatchObject({ plan: null, operation: { status: 'interrupted' } });
  });

  it('a thaw that is never confirmed is asked for again at the next start', async () => {
    host.hypervisor.failOn('thawFileSystems', failure('AGENT_UNRESPONSIVE'), { times: 10_000 });
    host.failDraft('publish', failure('NO_SPACE'));
    const operation = await host.capture();
    expect(operation.status).toBe('interrupted');
    expect(operation.warnings.join()).toContain('never confirmed that its file systems are thawed');

    host.hypervisor.failOn('thawFileSystems', failure('AGENT_UNRESPONSIVE'), { times: 0 });
    await recoverOperations(host.afterDeath(), { 'image.create': recoverCreateImage });
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it('is not touched while somebody else works on the instance', async () => {
    host.hypervisor.failOn('startActiveCommit', failure('LIBVIRT_FAILED'), { times: 1000 });
    await host.capture();
    host.hypervisor.failOn('startActiveCommit', failure('LIBVIRT_FAILED'), { times: 0 });
    const claim = { operationId: 'another', kind: 'instance.stop', owner: host.core.processes.self };
    await host.core.locks.tryAcquire([`instance:${GUEST_UUID}`], claim);
    await recoverOperations(host.afterDeath(), { 'image.create': recoverCreateImage });
    expect((await host.leftovers()).files).toHaveLength(4);
    expect(await host.core.journal.list({ isUnsettled: true })).toHaveLength(1);
  });
});

it('ends the copies of a dead capture before it commits, since they hold the lock', async () => {
  const plan = await putOnOverlays(host);
  const order: string[] = [];
  const helper = { pid: 4711, startTicks: 47110, bootId: 'boot' };
  const processes = { ...host.core.processes, kill: async () => void order.push('kill') };
  host.hypervisor.before('startActiveCommit', () => order.push('commit'));
  await settleGuest({ ...host.core, processes }, { ...plan, helpers: [helper] });
  expect(order).toEqual(['kill', 'commit', 'commit']);
});

it('lets a paused guest go on, and thaws a frozen one, before anything that may take long', async () => {
  const plan = await putOnOverlays(host);
  host.domain.powerState = 'paused';
  host.domain.isFrozen = true;
  const order: string[] = [];
  for (const method of ['resumeDomain', 'thawFileSystems', 'startActiveCommit'] as const) {
    host.hypervisor.before(method, () => order.push(method));
  }
  await settleGuest(host.core, { ...plan, mayBeFrozen: true, mayBePaused: true });
  expect(order).toEqual(['resumeDomain', 'thawFileSystems', 'startActiveCommit', 'startActiveCommit']);
});

it('leaves a guest paused that its owner paused', async () => {
  const plan = await putOnOverlays(host);
  host.domain.powerState = 'paused';
  await settleGuest(host.core, { ...plan, powerState: 'paused' });
  expect(await host.leftovers()).toEqual({ ...NOTHING_LEFT, powerState: 'paused' });
});
