import type { StoreFinding } from '../../model/store.ts';
import { renderTable } from './table.ts';
import { formatBytes, formatOptionalBytes, formatTime, printable } from './text.ts';

export async function renderFindings(findings: readonly StoreFinding[]): Promise<string> {
  const rows = findings.map(({ kind, subject, message, bytes, since, isRemovable }) => [
    kind,
    printable(subject),
    formatOptionalBytes(bytes),
    since === null ? '-' : formatTime(since),
    isRemovable ? 'yes' : 'no',
    printable(message),
  ]);
  return await renderTable(['KIND', 'SUBJECT', 'SIZE', 'SINCE', 'REMOVABLE', 'MESSAGE'], rows);
}

/** How much there is, and what a person can do about it. */
export function summarizeFindings(findings: readonly StoreFinding[]): string {
  const removable = findings.filter(({ isRemovable }) => isRemovable);
  const count = findings.length === 1 ? '1 finding' : `${findings.length} findings`;
  if (removable.length === 0) return count;
  const bytes = formatBytes(sumBytes(removable));
  return `${count}, ${removable.length} of which store gc removes once they are old enough: ${bytes}`;
}

export function sumBytes(findings: readonly StoreFinding[]): number {
  return findings.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
}
