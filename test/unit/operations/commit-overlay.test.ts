import { afterEach, beforeEach, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { BlockJobInfo } from '../../../src/model/ports/hypervisor.ts';
import type { CapturePlan } from '../../../src/operations/capture-plan.ts';
import { type CommitOptions, commitOverlay } from '../../../src/operations/steps/capture/commit-overlay.ts';
import { type CaptureHost, GUEST_UUID, makeCaptureHost, putOnOverlays, topsOf } from '../../support/capture-host.ts';
import { expectFailure } from '../../support/expect-failure.ts';

let host: CaptureHost;
let plan: CapturePlan;

beforeEach(async () => {
  host = makeCaptureHost();
  plan = await putOnOverlays(host);
});

afterEach(() => host.dispose());

function commit(options: CommitOptions = {}): Promise<void> {
  const [disk] = plan.disks;
  if (disk?.overlayPath === undefined || disk.overlayPath === null) throw new Error('the plan has no overlay');
  return commitOverlay(host.core, plan, { ...disk, overlayPath: disk.overlayPath }, options);
}

function job(changes: Partial<BlockJobInfo> = {}): BlockJobInfo {
  return { type: 'active-commit', done: 0, total: 100, hasMirror: true, isReady: false, ...changes };
}

function topOfVda(): string | undefined {
  return topsOf(host.domain.activeXml)?.[0];
}

it('commits, waits until the mirror is in step, pivots, and tells how far it is', async () => {
  host.fake.areCommitsReady = false;
  const seen: number[] = [];
  host.clock.onSleep = () => {
    const { done = 0 } = host.domain.blockJobs.get('vda') ?? {};
    host.domain.blockJobs.set('vda', job({ done: done + 50, isReady: done + 50 === 100 }));
  };
  await commit({ onProgress: ({ done }) => seen.push(done) });
  expect(seen).toEqual([0, 50]);
  expect(topOfVda()).toBe('vda.qcow2');
});

it('goes on with the job that a dead process began', async () => {
  await host.fake.startActiveCommit(GUEST_UUID, {
    target: 'vda',
    base: host.disks.vda,
    top: '',
    bandwidthBytesPerSecond: 0,
  });
  await commit();
  expect(host.hypervisor.calls).not.toContain('startActiveCommit');
  expect(topOfVda()).toBe('vda.qcow2');
});

it('begins again when the job went away and the disk is where it was', async () => {
  host.fake.areCommitsReady = false;
  host.clock.onSleep = () => {
    host.domain.blockJobs.delete('vda');
    host.fake.areCommitsReady = true;
  };
  await commit();
  expect(host.hypervisor.calls.filter((call) => call === 'startActiveCommit')).toHaveLength(2);
  expect(topOfVda()).toBe('vda.qcow2');
});

it('pivots a commit that libvirt lost sight of once it is done, and never aborts it', async () => {
  host.domain.blockJobs.set('vda', job({ hasMirror: false }));
  const seen: number[] = [];
  host.clock.onSleep = () => {
    const done = Math.min(seen.length * 10, 100);
    seen.push(done);
    host.domain.blockJobs.set('vda', job({ done, hasMirror: false }));
  };
  await commit();
  expect(seen.filter((done) => done === 100).length).toBeGreaterThan(4);
  expect(host.hypervisor.calls).not.toContain('abortBlockJob');
  expect(topOfVda()).toBe('vda.qcow2');
});

it('leaves a commit alone whose mirror is missing only for some looks', async () => {
  host.fake.areCommitsReady = false;
  const mirrors = [false, false, true, false, false, false, false, false, true, false];
  host.clock.onSleep = () => {
    expect(host.hypervisor.calls).not.toContain('pivotBlockJob');
    const hasMirror = mirrors.shift();
    host.domain.blockJobs.set(
      'vda',
      job({ done: 100, hasMirror: hasMirror ?? true, isReady: hasMirror === undefined }),
    );
  };
  await commit();
  expect(mirrors).toEqual([]);
  expect(topOfVda()).toBe('vda.qcow2');
});

it('does nothing for a disk that is back already', async () => {
  await commit();
  const calls = host.hypervisor.calls.length;
  await commit();
  expect(host.hypervisor.calls.slice(calls)).toEqual(['getDomainXml']);
});

it('ends no job of somebody else', async () => {
  host.domain.blockJobs.set('vda', job({ type: 'copy' }));
  await expectFailure(commit(), 'INSTANCE_BUSY');
  expect(host.domain.blockJobs.get('vda')).toMatchObject({ type: 'copy' });
});

it('gives up after three attempts, with the reason of the last', async () => {
  host.hypervisor.failOn('startActiveCommit', new DarkroomError('LIBVIRT_FAILED', 'no write lock'), { times: 9 });
  const error = await expectFailure(commit(), 'LIBVIRT_FAILED');
  expect(error.message).toContain('no write lock');
  expect(host.hypervisor.calls.filter((call) => call === 'startActiveCommit')).toHaveLength(3);
});

it('outlasts a libvirtd that restarts, and gives up after a minute', async () => {
  const gone = new DarkroomError('LIBVIRT_UNREACHABLE', 'gone');
  host.hypervisor.failOn('startActiveCommit', gone, { times: 20 });
  await commit();
  expect(topOfVda()).toBe('vda.qcow2');

  host.hypervisor.failOn('getDomainXml', gone, { times: 100_000 });
  const started = host.clock.monotonicMs();
  await expectFailure(commit(), 'LIBVIRT_UNREACHABLE');
  expect(host.clock.monotonicMs() - started).toBeGreaterThan(59_000);
  expect(host.clock.monotonicMs() - started).toBeLessThan(61_000);
});
