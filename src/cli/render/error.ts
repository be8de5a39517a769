import { toErrorBody } from '../../api/error-body.ts';
import type { DarkroomError } from '../../model/errors.ts';
import type { Output } from '../output.ts';
import { printable } from './text.ts';

/** Failures go to stderr, so that stdout holds a result or nothing: a line of JSON for programs, a sentence for people. */
export function printError(output: Output, error: DarkroomError): void {
  if (output.isJson) {
    output.stderr.write(`${JSON.stringify(toErrorBody(error))}\n`);
    return;
  }
  const message = error.message.split('\n').map(printable).join('\n  ');
  output.stderr.write(`error: ${message} (${error.code})\n`);
}
