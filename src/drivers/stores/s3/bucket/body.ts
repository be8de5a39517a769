import { Readable } from 'node:stream';

/** The bytes of an answer as they come. Node says ECONNRESET where they end early. */
export function bodyOf(answer: { readonly Body?: unknown }): AsyncIterable<Buffer> {
  const { Body: body } = answer;
  if (!(body instanceof Readable)) throw new Error('the answer has no body');
  return body;
}

/** Of an answer that is not wanted: its connection is not kept. */
export function discardBody({ Body: body }: { readonly Body?: unknown }): void {
  if (body instanceof Readable) body.destroy();
}
