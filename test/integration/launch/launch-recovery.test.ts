import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchInstance, recoverLaunchInstance } from '../../../src/operations/launch-instance.ts';
import { OperationRunner } from '../../../src/operations/support/operation-runner.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { type LaunchHost, makeLaunchHost, NOTHING_LEFT, publishMachine } from '../../support/launch-host.ts';
import { ALL_PARTS } from './launch-fixture.ts';

let host: LaunchHost;

beforeEach(() => {
  host = makeLaunchHost();
});

afterEach(() => host.dispose());

describe('a launch whose process died', () => {
  const never = (): Promise<never> => new Promise(() => undefined);
  const moments: readonly (readonly [what: string, die: () => void])[] = [
    ['before the folder was made', () => host.files.before('makeDirectory', never)],
    ['before the claim was written', () => host.store.before('addUser', never)],
    ['before the overlay was made', () => host.diskTool.before('create', never)],
    ['before the overlay was given to QEMU', () => host.files.before('setOwnership', never)],
    ['before the variables were copied', () => host.files.before('copy', never)],
    ['before the seed was made', () => host.seeds.before('create', never)],
    ['before the record was written', () => host.files.before('writeDurably', never)],
    ['before the domain was defined', () => host.hypervisor.before('defineDomain', never)],
  ];

  async function launchAndDie(isDead: () => boolean | Promise<boolean>): Promise<void> {
    await new OperationRunner(host.core).start(launchInstance, ALL_PARTS);
    await expect.poll(isDead).toBe(true);
  }

  async function recover(): Promise<void> {
    await recoverOperations(host.afterDeath(), { 'instance.launch': recoverLaunchInstance });
  }

  it.each(moments)('%s is undone', async (_, die) => {
    await publishMachine(host);
    let isDead = false;
    die();
    const hooks = {
      files: host.files,
      store: host.store,
      diskTool: host.diskTool,
      seeds: host.seeds,
      hypervisor: host.hypervisor,
    };
    let calls = -1;
    await launchAndDie(() => {
      const now = Object.values(hooks).reduce((sum, hook) => sum + hook.calls.length, 0);
      isDead = now === calls;
      calls = now;
      return isDead;
    });
    // hooks die with their process
    for (const hook of [host.files, host.seeds, host.diskTool, host.store, host.hypervisor]) hook.reset();
    await recover();
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
    const [entry] = await host.core.journal.list();
    expect(entry?.operation).toMatchObject({ status: 'interrupted', error: { code: 'OPERATION_INTERRUPTED' } });
  });

  it('after the domain was defined is undone', async () => {
    await publishMachine(host);
    host.journal.before('enterStep', (_, step) => (step === 'starting' ? never() : undefined));
    await launchAndDie(() => host.fakeHypervisor.domains.size === 1);
    host.journal.reset();
    await recover();
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it('keeps a domain that somebody has started since it was defined', async () => {
    await publishMachine(host);
    host.journal.before('enterStep', (_, step) => (step === 'starting' ? never() : undefined));
    await launchAndDie(() => host.fakeHypervisor.domains.size === 1);
    host.journal.reset();
    for (const uuid of host.fakeHypervisor.domains.keys()) await host.fakeHypervisor.startDomain(uuid);
    await recover();
    expect(await host.leftovers()).toMatchObject({ domains: ['web-1'], users: ['web-1'] });
  });

  it.each([
    ['was being started', 'startDomain', 'shutdown'],
    ['ran', null, 'running'],
  ] as const)('while its instance %s keeps it, for it may hold data', async (_, method, powerState) => {
    await publishMachine(host);
    if (method !== null) host.hypervisor.before(method, never);
    else host.journal.before('enterStep', (_id, step) => (step === 'started' ? never() : undefined));
    await launchAndDie(
      () =>
        host.hypervisor.calls.includes('startDomain') &&
        (method !== null || [...host.fakeHypervisor.domains.values()][0]?.powerState === 'running'),
    );
    host.hypervisor.reset();
    host.journal.reset();
    await recover();
    const left = await host.leftovers();
    expect(left).toMatchObject({ domains: ['web-1'], users: ['web-1'], locks: [] });
    expect([...host.fakeHypervisor.domains.values()][0]?.powerState).toBe(powerState);
    const [entry] = await host.core.journal.list();
    expect(entry?.operation.warnings[0]).toContain('is kept');
    expect(entry?.plan).toBeNull();
  });
});
