import { randomUUID } from 'node:crypto';
import type { Operation, OperationStatus, ProcessIdentity } from '../../src/model/operation.ts';

export function makeOperation(changes: Partial<Operation> = {}): Operation {
  return {
    id: randomUUID(),
    kind: 'image.create',
    target: 'guest',
    requestedBy: 'root',
    status: 'running',
    step: 'start',
    progress: null,
    startedAt: '2024-01-01T00:00:00.000Z',
    endedAt: null,
    error: null,
    timings: {},
    result: {},
    warnings: [],
    ...changes,
  };
}

export function outcome(
  status: OperationStatus,
): Pick<Operation, 'status' | 'endedAt' | 'error' | 'timings' | 'result' | 'warnings'> {
  return { status, endedAt: '2024-01-01T01:00:00.000Z', error: null, timings: {}, result: {}, warnings: [] };
}

/** Of a process that need not exist. */
export function processIdentity(pid: number): ProcessIdentity {
  return { pid, startTicks: pid * 10, bootId: '00000000-0000-4000-8000-000000000000' };
}
