import type { DarkroomError } from '../../model/errors.ts';
import type { Instance } from '../../model/instance.ts';
import type { Output } from '../output.ts';
import { INSTANCE_HEADINGS, instanceCells } from './instance.ts';
import { renderTable } from './table.ts';
import { printable } from './text.ts';

interface FleetTexts {
  readonly placed: readonly { readonly host: string | null; readonly instance: Instance }[];
  readonly down: readonly { readonly host: string; readonly failure: DarkroomError }[];
}

/** One table of all hosts, and a line for each that did not answer. */
export async function renderFleet(output: Output, { placed, down }: FleetTexts): Promise<string> {
  const hosts = [...placed.map(({ host }) => host ?? '-'), ...down.map(({ host }) => host), 'HOST'];
  const width = Math.max(...hosts.map((host) => host.length));
  const rows = placed.map(({ host, instance }) => [(host ?? '-').padEnd(width), ...instanceCells(output, instance)]);
  const table = await renderTable(['HOST'.padEnd(width), ...INSTANCE_HEADINGS], rows);
  const lines = down.map(({ host, failure }) => {
    const state = output.paint('red', 'down');
    return `${host.padEnd(width)}  ${state}: ${printable(reasonOf(failure))}`;
  });
  return [table, ...lines].join('\n');
}

function reasonOf({ fields, message }: DarkroomError): string {
  const { reason } = fields;
  return typeof reason === 'string' ? reason : message;
}
