import { beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { Operation } from '../../../src/model/operation.ts';
import type { OperationContext } from '../../../src/operations/support/context.ts';
import { OperationRunner } from '../../../src/operations/support/operation-runner.ts';
import { throwIfCancelled } from '../../../src/operations/support/patience.ts';
import type { UseCase } from '../../../src/operations/support/use-case.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeJournal } from '../../support/fake-journal.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { createImageCore } from '../../support/image-core.ts';

type Work = (context: OperationContext, signal: AbortSignal) => Promise<void>;
interface Request {
  readonly kind: 'image.create';
  readonly work: Work;
}

const useCase: UseCase<Request, Work> = {
  prepare: async (_core, { work }) => ({
    target: 'guest',
    locks: { exclusive: ['instance:one'], shared: [] },
    input: work,
  }),
  run: async (context, work, signal) => {
    await work(context, signal);
    return { imageId: 'made' };
  },
};

function setUp() {
  const journal = makeFaulty(createFakeJournal());
  const core = createImageCore({ journal: journal.port });
  return { core, journal, runner: new OperationRunner(core) };
}

let host: ReturnType<typeof setUp>;

beforeEach(() => {
  host = setUp();
});

async function run(work: Work): Promise<Operation> {
  const { id } = await host.runner.start(useCase, { kind: 'image.create', work });
  await host.runner.drain();
  expect(await host.core.locks.list()).toEqual([]);
  return (await host.core.journal.read(id)).operation;
}

/** Until it is cancelled; then it undoes what it did, or fails to. */
function waitForCancel(undo: (context: OperationContext) => Promise<void>): Work {
  return async (context, signal) => {
    await context.operation.enter('working', { undo: 'me' });
    while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 5));
    await undo(context);
    throwIfCancelled(signal);
  };
}

describe('how an operation ends', () => {
  it('succeeded, with what it made, its timings and warnings', async () => {
    const operation = await run(async ({ operation: handle }) => {
      await handle.saveResult({ instanceId: 'two' });
      handle.addTiming('copyMs', 12.34);
      handle.warn('a warning');
    });
    expect(operation).toMatchObject({
      status: 'succeeded',
      error: null,
      result: { imageId: 'made', instanceId: 'two' },
      timings: { copyMs: 12.3, totalMs: expect.any(Number) },
      warnings: ['a warning'],
    });
    expect(operation.endedAt).not.toBeNull();
  });

  it('failed with a code that does not say "refused", when it undid what it had begun', async () => {
    const operation = await run(async ({ operation: handle }) => {
      await handle.enter('working', { undo: 'me' });
      await handle.settle('undone');
      throw new DarkroomError('NO_SPACE', 'full');
    });
    expect(operation).toMatchObject({
      status: 'failed',
      error: { code: 'STORE_WRITE_FAILED', message: 'full' },
      result: {},
    });
  });

  it('failed with the code of a refusal, when a check foresaw it', async () => {
    const operation = await run(async ({ operation: handle }) => {
      await handle.enter('working', { undo: 'me' });
      await handle.settle('undone');
      throw new DarkroomError('NO_SPACE', 'too little', { fields: { neededBytes: 9 } });
    });
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'NO_SPACE' } });
  });

  it('failed with the code of a refusal, when nothing was begun', async () => {
    const operation = await run(async () => {
      throw new DarkroomError('NO_SPACE', 'full');
    });
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'NO_SPACE' } });
  });

  it('failed with INTERNAL, when something was thrown that is no error of ours', async () => {
    const operation = await run(async () => {
      throw new TypeError('undefined is not a function');
    });
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'INTERNAL' } });
  });

  it('interrupted, when something of it is left to put right', async () => {
    const operation = await run(async ({ operation: handle }) => {
      await handle.enter('working', { undo: 'me' });
      throw new DarkroomError('LIBVIRT_UNREACHABLE', 'gone');
    });
    expect(operation).toMatchObject({ status: 'interrupted', error: { code: 'LIBVIRT_UNREACHABLE' } });
    expect(await host.core.journal.list({ isUnsettled: true })).toHaveLength(1);
  });

  it('cancelled, by this process or through the journal by another', async () => {
    for (const cancel of [
      async (id: string) => void host.runner.cancel(id),
      (id: string) => host.core.journal.requestCancel(id),
    ]) {
      const settle = (context: OperationContext): Promise<void> => context.operation.settle('undone');
      const { id } = await host.runner.start(useCase, { kind: 'image.create', work: waitForCancel(settle) });
      await cancel(id);
      await host.runner.drain();
      const { operation } = await host.core.journal.read(id);
      expect(operation).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } });
    }
  });

  it('cancelled, even when what it stood in failed because of that', async () => {
    const fail = async (context: OperationContext): Promise<void> => {
      await context.operation.settle('undone');
      throw new DarkroomError('QEMU_IMG_FAILED', 'killed');
    };
    const { id } = await host.runner.start(useCase, { kind: 'image.create', work: waitForCancel(fail) });
    expect(host.runner.cancel(id)).toBe(true);
    await host.runner.drain();
    expect((await host.core.journal.read(id)).operation).toMatchObject({
      status: 'cancelled',
      error: { code: 'CANCELLED' },
    });
    expect(host.runner.cancel(id)).toBe(false);
  });

  it('interrupted, when it was cancelled and could not undo itself', async () => {
    const { id } = await host.runner.start(useCase, {
      kind: 'image.create',
      work: waitForCancel(async () => undefined),
    });
    host.runner.cancel(id);
    await host.runner.drain();
    expect((await host.core.journal.read(id)).operation.status).toBe('interrupted');
  });

  it('succeeded, when the wish to cancel came too late', async () => {
    const { id } = await host.runner.start(useCase, {
      kind: 'image.create',
      work: async (_context, signal) => {
        while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 5));
      },
    });
    host.runner.cancel(id);
    await host.runner.drain();
    expect((await host.core.journal.read(id)).operation).toMatchObject({ status: 'succeeded', error: null });
  });
});

describe('the locks of an operation', () => {
  it('row 7: are held while it runs, and a second one begins nothing', async () => {
    const { id } = await host.runner.start(useCase, {
      kind: 'image.create',
      work: waitForCancel((context) => context.operation.settle('undone')),
    });
    const second = host.runner.start(useCase, { kind: 'image.create', work: async () => undefined });
    await expectFailure(second, 'INSTANCE_BUSY');
    expect(await host.core.journal.list()).toHaveLength(1);
    host.runner.cancel(id);
    await host.runner.drain();
    expect(await host.core.locks.list()).toEqual([]);
  });

  it('are given up when it cannot be put on record', async () => {
    host.journal.failOn('begin', new DarkroomError('STORE_UNUSABLE', 'read-only'));
    const start = host.runner.start(useCase, { kind: 'image.create', work: async () => undefined });
    await expectFailure(start, 'STORE_UNUSABLE');
    expect(await host.core.locks.list()).toEqual([]);
  });

  it('are given up when its end cannot be put on record', async () => {
    host.journal.failOn('finish', new DarkroomError('STORE_UNUSABLE', 'full'));
    expect((await run(async () => undefined)).status).toBe('running');
  });
});
