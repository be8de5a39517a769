import type { Operation, OperationProgress } from '../../model/operation.ts';
import type { Output } from '../output.ts';
import { renderDetails } from './details.ts';
import { type Row, renderTable } from './table.ts';
import { formatBytes, formatDuration, formatTime, printable } from './text.ts';

export async function renderOperations(output: Output, operations: readonly Operation[]): Promise<string> {
  if (operations.length === 0) return 'no operations';
  const rows = operations.map((operation) => operationCells(output, operation));
  return await renderTable(OPERATION_HEADINGS, rows);
}

export const OPERATION_HEADINGS: Row = ['ID', 'KIND', 'TARGET', 'STATUS', 'STEP', 'PROGRESS', 'STARTED'];

export function operationCells(output: Output, operation: Operation): Row {
  return [
    operation.id,
    operation.kind,
    printable(operation.target),
    paintStatus(output, operation),
    printable(operation.step),
    operation.progress === null ? '-' : describeProgress(operation.progress),
    formatTime(operation.startedAt),
  ];
}

export function renderOperation(output: Output, operation: Operation): string {
  const { error } = operation;
  return renderDetails(output, [
    ['id', operation.id],
    ['kind', operation.kind],
    ['target', printable(operation.target)],
    ['requested by', operation.requestedBy === null ? '-' : printable(operation.requestedBy)],
    ['status', paintStatus(output, operation)],
    ['step', printable(operation.step)],
    ['progress', operation.progress === null ? '-' : describeProgress(operation.progress)],
    ['started', formatTime(operation.startedAt)],
    ['ended', operation.endedAt === null ? '-' : formatTime(operation.endedAt)],
    ['error', error === null ? '-' : `${printable(error.message)} (${error.code})`],
    ['timings', Object.entries(operation.timings).map(describeTiming)],
    ['result', Object.entries(operation.result).map(([name, id]) => `${name}: ${id}`)],
    ['warnings', operation.warnings.map(printable)],
  ]);
}

export function summarizeOperation(operation: Operation): string {
  return `operation ${operation.id} (${operation.kind} ${printable(operation.target)}): ${operation.status}`;
}

/** Names end in their unit: `copyMs`, `copiedBytes`, `overlayPeakBytes.vda`. */
function describeTiming([name, value]: readonly [string, number]): string {
  return `${name}: ${/Bytes(\.|$)/.test(name) ? formatBytes(value) : formatDuration(value)}`;
}

/** `1.2 GiB of 3.0 GiB (40%)`. */
export function describeProgress(progress: OperationProgress): string {
  const format = progress.unit === 'bytes' ? formatBytes : String;
  return `${format(progress.done)} of ${format(progress.total)} (${percentOf(progress)}%)`;
}

export function percentOf({ done, total }: OperationProgress): number {
  return total <= 0 ? 100 : Math.min(100, Math.floor((done / total) * 100));
}

function paintStatus(output: Output, { status }: Operation): string {
  if (status === 'succeeded') return output.paint('green', status);
  return output.paint(status === 'running' ? 'cyan' : 'red', status);
}
