import type { Output } from '../output.ts';

export type Detail = readonly [label: string, value: string | readonly string[]];

/** `label: value` lines with the values in one column; a list takes a line each, an empty one a dash. */
export function renderDetails(output: Output, details: readonly Detail[]): string {
  const width = Math.max(...details.map(([label]) => label.length)) + 2;
  return details.flatMap(([label, value]) => renderDetail(output, { label, value, width })).join('\n');
}

function renderDetail(
  output: Output,
  { label, value, width }: { label: string; value: Detail[1]; width: number },
): readonly string[] {
  const lines = typeof value === 'string' ? [value] : value;
  const [first = '-', ...rest] = lines;
  const head = output.paint('dim', `${label}:`.padEnd(width));
  return [`${head}${first}`, ...rest.map((line) => `${' '.repeat(width)}${line}`)];
}
