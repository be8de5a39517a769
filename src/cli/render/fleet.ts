import type { DarkroomError } from '../../model/errors.ts';
import type { Output } from '../output.ts';
import { type Row, renderTable } from './table.ts';
import { printable } from './text.ts';

interface FleetTexts {
  readonly headings: Row;
  /** null: on no host. */
  readonly rows: readonly { readonly host: string | null; readonly cells: Row }[];
  readonly down: readonly { readonly host: string; readonly failure: DarkroomError }[];
}

/** One table of all hosts, and a line for each that did not answer. */
export async function renderFleet(output: Output, { headings, rows, down }: FleetTexts): Promise<string> {
  const hosts = ['HOST', ...rows.map(({ host }) => host ?? '-'), ...down.map(({ host }) => host)];
  const width = Math.max(...hosts.map((host) => host.length));
  const cells = rows.map((row) => [(row.host ?? '-').padEnd(width), ...row.cells]);
  const table = await renderTable(['HOST'.padEnd(width), ...headings], cells);
  const lines = down.map(
    ({ host, failure }) => `${host.padEnd(width)}  ${output.paint('red', 'down')}: ${printable(reasonOf(failure))}`,
  );
  return [table, ...lines].join('\n');
}

function reasonOf({ fields, message }: DarkroomError): string {
  const { reason } = fields;
  return typeof reason === 'string' ? reason : message;
}
