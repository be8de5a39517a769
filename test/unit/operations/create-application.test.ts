import { beforeEach, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { Application } from '../../../src/operations/application.ts';
import { createApplication } from '../../../src/operations/create-application.ts';
import { createFakeHypervisor, type FakeHypervisor } from '../../support/fake-hypervisor.ts';
import { createFakeJournal, type FakeJournal } from '../../support/fake-journal.ts';
import { type Faulty, makeFaulty } from '../../support/faulty.ts';
import { createImageCore } from '../../support/image-core.ts';
import { makeOperation, processIdentity } from '../../support/sample-operations.ts';

let journal: Faulty<FakeJournal>;
let hypervisor: Faulty<FakeHypervisor>;
let application: Application;

beforeEach(() => {
  journal = makeFaulty(createFakeJournal());
  hypervisor = makeFaulty(createFakeHypervisor());
  const core = createImageCore({ journal: journal.port, hypervisor: hypervisor.port });
  application = createApplication(core, async () => {});
});

/** Nothing can read its plan, so that nobody can put it right. */
async function leaveBroken(): Promise<void> {
  await journal.port.begin(makeOperation(), { owner: processIdentity(77), plan: { version: 99 } });
}

function loseLibvirt(): void {
  hypervisor.failOn('versions', new DarkroomError('LIBVIRT_UNREACHABLE', 'it is away'));
}

it('is recovered once a recovery found nothing to do, libvirt or not', async () => {
  expect(application.isRecovered).toBe(false);
  loseLibvirt();
  await application.recover();
  expect(application.isRecovered).toBe(true);
});

it('is not recovered while libvirt is away and something is left to be put right', async () => {
  await leaveBroken();
  loseLibvirt();
  await application.recover();
  expect(application.isRecovered).toBe(false);
  await application.recover();
  expect(application.isRecovered).toBe(true);
});

it('is recovered when only what nobody can put right is left', async () => {
  await leaveBroken();
  await application.recover();
  expect(application.isRecovered).toBe(true);
});

it('is not recovered when the journal cannot be read, and stays so for nothing else', async () => {
  journal.failOn('list', new Error('the journal is away'));
  await expect(application.recover()).rejects.toThrow('the journal is away');
  expect(application.isRecovered).toBe(false);
  await application.recover();
  journal.failOn('list', new Error('the journal is away again'));
  await expect(application.recover()).rejects.toThrow();
  expect(application.isRecovered).toBe(true);
});

it('tells of the end of an operation of its own without waiting for the next look', async () => {
  const machine = createFakeHypervisor();
  machine.put(
    "<domain type='qemu'><name>web</name><uuid>5a3c9d0e-1f2b-4c3d-8e4f-5a6b7c8d9e0f</uuid><memory>1024</memory></domain>",
  );
  const core = createImageCore({ hypervisor: machine });
  const clock = { ...core.clock, sleep: () => new Promise<void>(() => undefined) };
  const application = createApplication({ ...core, clock }, async () => {});
  const { id } = await application.operations.submit({ kind: 'instance.start', instance: 'web' });
  let last = '';
  for await (const { status } of application.operations.watch(id)) last = status;
  expect(last).toBe('succeeded');
});

it("takes an operation that is just beginning for nobody's leftover", async () => {
  const beginning = createFakeJournal();
  const adopted: string[] = [];
  const watched: FakeJournal = {
    ...beginning,
    begin: async (operation, details) => {
      await beginning.begin(operation, details);
      await busy.recover();
    },
    adopt: async (operationId, owners) => {
      adopted.push(operationId);
      return await beginning.adopt(operationId, owners);
    },
  };
  const machine = createFakeHypervisor();
  machine.put(
    "<domain type='qemu'><name>web</name><uuid>5a3c9d0e-1f2b-4c3d-8e4f-5a6b7c8d9e0f</uuid><memory>1024</memory></domain>",
  );
  const busy = createApplication(createImageCore({ journal: watched, hypervisor: machine }), async () => {});
  const { id } = await busy.operations.submit({ kind: 'instance.start', instance: 'web' });
  await busy.drain();
  expect(adopted).toEqual([]);
  expect(await busy.operations.show(id)).toMatchObject({ status: 'succeeded' });
});
