import type { StoreCount, StoreDescription, StoreStatus } from '../../model/store.ts';
import type { Output } from '../output.ts';
import { type Row, renderTable } from './table.ts';
import { formatBytes, formatOptionalBytes, printable } from './text.ts';

export async function renderStores(stores: readonly StoreDescription[]): Promise<string> {
  const rows = stores.map(({ name, kind, location, isDefault }) => [
    printable(name),
    kind,
    printable(location),
    isDefault ? 'yes' : '',
  ]);
  return await renderTable(['NAME', 'KIND', 'LOCATION', 'DEFAULT'], rows);
}

/** With the reason, below, of each that cannot be reached. */
export async function renderStoreStatuses(output: Output, statuses: readonly StoreStatus[]): Promise<string> {
  if (statuses.length === 0) return 'no stores';
  const headings = ['NAME', 'STATE', 'IMAGES', 'SNAPSHOTS', 'DELETED', 'SHELVED', 'FREE', 'KEPT HERE'];
  const table = await renderTable(
    headings,
    statuses.map((status) => statusCells(output, status)),
  );
  const reasons = statuses.flatMap(({ name, error }) =>
    error === null ? [] : [`${printable(name)}: ${printable(error.message)} (${printable(error.code)})`],
  );
  return [table, ...reasons].join('\n');
}

function statusCells(output: Output, status: StoreStatus): Row {
  const { cache, shelvedInstances } = status;
  return [
    printable(status.name),
    status.isReachable ? output.paint('green', 'ready') : output.paint('red', 'unreachable'),
    formatCount(status.images),
    formatCount(status.snapshots),
    formatCount(status.deletedImages),
    shelvedInstances === null ? '-' : String(shelvedInstances),
    formatOptionalBytes(status.freeBytes),
    cache === null ? '-' : `${formatBytes(cache.usedBytes)} of ${formatBytes(cache.limitBytes)}`,
  ];
}

function formatCount(count: StoreCount | null): string {
  return count === null ? '-' : `${count.count} (${formatBytes(count.bytes)})`;
}
