import { beforeEach, describe, expect, it } from 'vitest';
import { createConsolidateTask } from '../../../../src/agent/housekeeping/consolidate-due.ts';
import { createLogger } from '../../../../src/lib/logger.ts';
import { DarkroomError, type ErrorCode } from '../../../../src/model/errors.ts';
import type { Operation } from '../../../../src/model/operation.ts';
import type { OperationRequest } from '../../../../src/model/requests.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import { makeOperation } from '../../../support/sample-operations.ts';
import { FakeApplication } from '../fake-application.ts';

const TEN_MINUTES_MS = 600_000;

const signal = new AbortController().signal;
let asked: string[];
let running: Operation[];
let due: string[];
let refusal: ErrorCode | null;
let clock: ReturnType<typeof createManualClock>;
let task: ReturnType<typeof createConsolidateTask>;

beforeEach(() => {
  asked = [];
  running = [];
  due = ['volume-1', 'volume-2'];
  refusal = null;
  clock = createManualClock();
  const submit = async (request: OperationRequest): Promise<Operation> => {
    if (refusal !== null) throw new DarkroomError(refusal, 'refused');
    if (request.kind === 'snapshot.consolidate') asked.push(request.volume);
    return makeOperation({ kind: request.kind });
  };
  const operations = { ...new FakeApplication().operations, submit, list: async () => running };
  const log = createLogger({ level: 'silent', isPretty: false });
  task = createConsolidateTask({ dueConsolidations: async () => due, keeper: { operations }, log, clock });
});

describe('the consolidation of snapshots', () => {
  it('takes one volume at a time, and only when nothing else runs', async () => {
    running = [makeOperation({ kind: 'image.create' })];
    await task(signal);
    expect(asked).toEqual([]);
    running = [];
    await task(signal);
    await task(signal);
    expect(asked).toEqual(['volume-1', 'volume-2']);
  });

  it('tries one that is due again ever more rarely, and as the first time once it was not due', async () => {
    due = ['volume-1'];
    await task(signal);
    await task(signal);
    expect(asked).toHaveLength(1);
    await clock.advance(TEN_MINUTES_MS);
    await task(signal);
    expect(asked).toHaveLength(2);
    await clock.advance(TEN_MINUTES_MS);
    await task(signal);
    expect(asked).toHaveLength(2);
    due = [];
    await task(signal);
    due = ['volume-1'];
    await task(signal);
    expect(asked).toHaveLength(3);
  });

  it('waits for nobody who works on the volume, and tells of other refusals', async () => {
    refusal = 'VOLUME_BUSY';
    await task(signal);
    refusal = 'STORE_UNUSABLE';
    await expect(task(signal)).rejects.toMatchObject({ code: 'STORE_UNUSABLE' });
    refusal = null;
    await task(signal);
    expect(asked).toEqual(['volume-2']);
  });
});
