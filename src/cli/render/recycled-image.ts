import type { RecycledImage } from '../../model/recycled-image.ts';
import { renderTable } from './table.ts';
import { formatBytes, formatTime, printable } from './text.ts';

/** With the sum of what they take: that much comes free when they go. */
export async function renderRecycledImages(recycled: readonly RecycledImage[]): Promise<string> {
  if (recycled.length === 0) return 'no deleted images that can be brought back';
  const headings = ['ID', 'NAME', 'TYPE', 'SIZE', 'DELETED', 'BY', 'GOES FOR GOOD'];
  const rows = recycled.map(({ id, image, sizeBytes, deletedAt, deletedBy, expiresAt }) => [
    id,
    printable(image.name),
    image.properties['image_type'] ?? '-',
    formatBytes(sizeBytes),
    formatTime(deletedAt),
    deletedBy === null ? '-' : printable(deletedBy),
    formatTime(expiresAt),
  ]);
  const totalBytes = recycled.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const count = recycled.length === 1 ? '1 deleted image takes' : `${recycled.length} deleted images take`;
  return `${await renderTable(headings, rows)}\n${count} ${formatBytes(totalBytes)}`;
}
