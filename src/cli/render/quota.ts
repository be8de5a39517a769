import type { QuotaReport, QuotaUse } from '../../model/quota.ts';
import { type Row, renderTable } from './table.ts';
import { formatBytes, printable } from './text.ts';

export async function renderQuota({ owner, images, snapshots }: QuotaReport): Promise<string> {
  const rows = [useCells('images', images), useCells('snapshots', snapshots)];
  const title = `Of ${owner === null ? 'this host' : printable(owner)}:`;
  return `${title}\n${await renderTable(['', 'COUNT', 'OF', 'BYTES', 'OF'], rows)}`;
}

function useCells(what: string, { count, maxCount, bytes, maxBytes }: QuotaUse): Row {
  return [
    what,
    String(count),
    maxCount === null ? 'no limit' : String(maxCount),
    formatBytes(bytes),
    maxBytes === null ? 'no limit' : formatBytes(maxBytes),
  ];
}
