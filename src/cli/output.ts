import { styleText } from 'node:util';

export type TextStream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim';

/** Where a command writes: results to stdout; progress, warnings and errors to stderr. */
export interface Output {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  /** One JSON document on stdout, JSON lines on stderr. */
  readonly isJson: boolean;
  /** More than ASCII can be written. */
  readonly isUtf8: boolean;
  /** Colours a text of stdout where a person looks at it. */
  paint(colour: Colour, text: string): string;
}

export interface OutputOptions {
  readonly isJson: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export function createOutput(streams: Pick<Output, 'stdout' | 'stderr'>, options: OutputOptions): Output {
  const isColoured = streams.stdout.isTTY === true && !options.environment['NO_COLOR'];
  return {
    ...streams,
    isJson: options.isJson,
    isUtf8: isUtf8(options.environment),
    paint: (colour, text) => (isColoured ? styleText(colour, text, { validateStream: false }) : text),
  };
}

/** As locale(7) has it: the first of these that says anything. */
function isUtf8(environment: OutputOptions['environment']): boolean {
  const locale = environment['LC_ALL'] || environment['LC_CTYPE'] || environment['LANG'] || '';
  return /utf-?8/i.test(locale);
}

/** Prints what a command made or found: the value itself for programs, its text for people. */
export async function printResult(
  output: Output,
  value: unknown,
  toText: () => string | Promise<string>,
): Promise<void> {
  const text = output.isJson ? JSON.stringify(value, null, 2) : await toText();
  if (text !== '') output.stdout.write(`${text}\n`);
}

/** Something a person should know that is no failure. */
export function printWarning(output: Output, message: string): void {
  output.stderr.write(output.isJson ? `${JSON.stringify({ warning: message })}\n` : `warning: ${message}\n`);
}
