import { beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { PowerState } from '../../../src/model/instance.ts';
import type { PowerRequest, StopInstanceRequest } from '../../../src/model/requests.ts';
import { powerInstance } from '../../../src/operations/power-instance.ts';
import { RECOVERY } from '../../../src/operations/recovery-table.ts';
import { stopInstance } from '../../../src/operations/stop-instance.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { OperationRunner } from '../../../src/operations/support/operation-runner.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeClock, createFakeProcesses, type FakeClock } from '../../support/fake-host.ts';
import { createFakeHypervisor, type FakeDomain, type FakeHypervisor } from '../../support/fake-hypervisor.ts';
import { type Faulty, makeFaulty } from '../../support/faulty.ts';
import { createImageCore, runToEnd } from '../../support/image-core.ts';
import { machineXml } from '../../support/launch-host.ts';

let fake: FakeHypervisor;
let hypervisor: Faulty<FakeHypervisor>;
let clock: FakeClock;
let core: Core;
let domain: FakeDomain;

beforeEach(() => {
  fake = createFakeHypervisor();
  hypervisor = makeFaulty(fake);
  clock = createFakeClock();
  core = createImageCore({ hypervisor: hypervisor.port, clock });
  domain = fake.put(machineXml(), { powerState: 'running' });
});

const broken = new DarkroomError('LIBVIRT_FAILED', 'broken on purpose');

function be(powerState: PowerState): void {
  domain.powerState = powerState;
  const isActive = powerState === 'running' || powerState === 'paused' || powerState === 'crashed';
  domain.activeXml = isActive ? domain.inactiveXml : null;
  domain.hasManagedSave = powerState === 'suspended';
}

async function power(kind: PowerRequest['kind']) {
  return await runToEnd(core, powerInstance, { kind, instance: 'source' });
}

async function stop(changes: Partial<StopInstanceRequest> = {}) {
  const request = { kind: 'instance.stop', instance: 'source', isForced: false, timeoutMs: 60_000 } as const;
  return await runToEnd(core, stopInstance, { ...request, ...changes });
}

describe('start, pause, resume and suspend', () => {
  it.each([
    ['instance.start', 'shutdown', 'running'],
    ['instance.start', 'suspended', 'running'],
    ['instance.pause', 'running', 'paused'],
    ['instance.resume', 'paused', 'running'],
    ['instance.resume', 'suspended', 'running'],
    ['instance.suspend', 'running', 'suspended'],
    ['instance.suspend', 'paused', 'suspended'],
  ] as const)('%s of a %s one: it is %s', async (kind, before, after) => {
    be(before);
    expect(await power(kind)).toMatchObject({
      status: 'succeeded',
      target: 'source',
      result: { instanceId: domain.uuid },
    });
    expect(domain.powerState).toBe(after);
    expect(await core.locks.list()).toEqual([]);
  });

  it('refuses what its state stands against, and leaves no operation', async () => {
    await expectFailure(power('instance.start'), 'INSTANCE_STATE');
    expect(await core.journal.list()).toEqual([]);
  });

  it('refuses to suspend a transient domain, which has nowhere to be saved', async () => {
    domain.inactiveXml = null;
    await expectFailure(power('instance.suspend'), 'INSTANCE_UNSUPPORTED');
  });

  it('refuses unknown names', async () => {
    await expectFailure(
      runToEnd(core, powerInstance, { kind: 'instance.start', instance: 'nobody' }),
      'INSTANCE_NOT_FOUND',
    );
  });

  it('looks again under the lock', async () => {
    be('shutdown');
    const runner = new OperationRunner(core);
    hypervisor.before('getDomain', () => be('running'));
    const { id } = await runner.start(powerInstance, { kind: 'instance.start', instance: 'source' });
    await runner.drain();
    expect((await core.journal.read(id)).operation).toMatchObject({
      status: 'failed',
      error: { code: 'INSTANCE_STATE' },
    });
  });

  it('tells what libvirt says', async () => {
    be('shutdown');
    hypervisor.failOn('startDomain', broken);
    expect(await power('instance.start')).toMatchObject({ status: 'failed', error: { message: 'broken on purpose' } });
  });
});

describe('stop', () => {
  it('asks the guest and waits until it is off', async () => {
    domain.isObedient = false;
    clock.onSleep = (now) => {
      if (now >= 3000) domain.isObedient = true;
      if (now >= 3000) be('shutdown');
    };
    expect((await stop()).status).toBe('succeeded');
    expect(domain.powerState).toBe('shutdown');
    expect(hypervisor.calls.filter((call) => call === 'shutdownDomain').length).toBe(1);
    expect(hypervisor.calls).not.toContain('destroyDomain');
  });

  it('asks again, for a guest that still booted the first time', async () => {
    domain.isObedient = false;
    clock.onSleep = (now) => {
      domain.isObedient = now >= 15_000;
    };
    expect((await stop()).status).toBe('succeeded');
    expect(hypervisor.calls.filter((call) => call === 'shutdownDomain').length).toBe(3);
  });

  it('gives up after the timeout, leaves it running and names --force', async () => {
    domain.isObedient = false;
    const { status, error } = await stop({ timeoutMs: 5000 });
    expect({ status, code: error?.code }).toEqual({ status: 'failed', code: 'SHUTDOWN_TIMEOUT' });
    expect(error?.message).toContain('--force');
    expect(domain.powerState).toBe('running');
    expect(clock.monotonicMs()).toBeLessThan(6000);
  });

  it('does not wait for an agent that hangs longer than it waits for the guest', async () => {
    hypervisor.before('shutdownDomain', () => new Promise(() => undefined));
    expect((await stop({ timeoutMs: 25_000 })).error?.code).toBe('SHUTDOWN_TIMEOUT');
    // a second call would only wait for the first
    expect(hypervisor.calls.filter((call) => call === 'shutdownDomain').length).toBe(1);
  });

  it('tells what libvirt says', async () => {
    hypervisor.failOn('shutdownDomain', broken);
    expect((await stop()).error?.message).toBe('broken on purpose');
  });

  it('is content with a transient domain that is gone', async () => {
    domain.inactiveXml = null;
    expect((await stop()).status).toBe('succeeded');
    expect(fake.domains.size).toBe(0);
  });

  it('stops waiting when it is cancelled', async () => {
    domain.isObedient = false;
    const runner = new OperationRunner(core);
    const { id } = await runner.start(stopInstance, {
      kind: 'instance.stop',
      instance: 'source',
      isForced: false,
      timeoutMs: 1e9,
    });
    clock.onSleep = (now) => {
      if (now > 1000) runner.cancel(id);
    };
    await runner.drain();
    expect((await core.journal.read(id)).operation.status).toBe('cancelled');
    expect(domain.powerState).toBe('running');
  });

  it.each(['running', 'paused', 'crashed'] as const)('by force pulls the plug of a %s one', async (powerState) => {
    be(powerState);
    expect((await stop({ isForced: true })).status).toBe('succeeded');
    expect(domain.powerState).toBe('shutdown');
    expect(hypervisor.calls).not.toContain('shutdownDomain');
  });

  it('refuses one that is off, paused or suspended', async () => {
    for (const powerState of ['shutdown', 'paused', 'suspended'] as const) {
      be(powerState);
      await expectFailure(stop(), 'INSTANCE_STATE');
    }
  });
});

describe('reboot', () => {
  const reboot = { kind: 'instance.reboot' } as const;

  it('asks the guest and waits until it has begun', async () => {
    expect((await stop(reboot)).status).toBe('succeeded');
    expect(hypervisor.calls).toContain('rebootDomain');
    expect(hypervisor.calls).not.toContain('destroyDomain');
  });

  it('sees it by the agent that goes away', async () => {
    domain.isObedient = false;
    clock.onSleep = (now) => {
      if (now >= 2000) fake.emit({ kind: 'agent', uuid: domain.uuid, isConnected: false });
    };
    expect((await stop(reboot)).status).toBe('succeeded');
  });

  it('takes no other guest for its own, and gives up after the timeout', async () => {
    domain.isObedient = false;
    clock.onSleep = () => fake.emit({ kind: 'lifecycle', uuid: 'another', event: 'stopped', detail: 0 });
    expect((await stop({ ...reboot, timeoutMs: 5000 })).error?.code).toBe('SHUTDOWN_TIMEOUT');
  });

  it('by force powers it off and starts it', async () => {
    be('paused');
    expect((await stop({ ...reboot, isForced: true })).status).toBe('succeeded');
    expect(domain.powerState).toBe('running');
    expect(hypervisor.calls).toContain('destroyDomain');
  });

  it('by force is refused for a transient domain, which would be gone', async () => {
    domain.inactiveXml = null;
    await expectFailure(stop({ ...reboot, isForced: true }), 'INSTANCE_UNSUPPORTED');
  });

  it('by force says that it is off when it does not start again', async () => {
    hypervisor.failOn('startDomain', broken);
    const { status, error } = await stop({ ...reboot, isForced: true });
    expect(status).toBe('failed');
    expect(error?.message).toBe('The instance source is off and did not start again: broken on purpose');
  });

  it('by force is finished by recovery when its process died in between', async () => {
    hypervisor.before('startDomain', () => new Promise(() => undefined));
    const runner = new OperationRunner(core);
    const { id } = await runner.start(stopInstance, { ...reboot, instance: 'source', isForced: true, timeoutMs: 0 });
    await expect.poll(() => domain.powerState).toBe('shutdown');
    await expect.poll(() => hypervisor.calls.includes('startDomain')).toBe(true);
    hypervisor.reset();
    const next = { ...core, processes: createFakeProcesses(2000) };
    await recoverOperations(next, RECOVERY);
    expect(domain.powerState).toBe('running');
    expect((await core.journal.read(id)).operation).toMatchObject({
      status: 'interrupted',
      warnings: [expect.stringContaining('started again')],
    });
  });
});
