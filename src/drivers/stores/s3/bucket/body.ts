import { Readable } from 'node:stream';

/** The bytes of an answer as they come. Node says ECONNRESET where they end early. */
export function bodyOf(answer: { readonly Body?: unknown }): AsyncIterable<Buffer> {
  const { Body: body } = answer;
  if (!(body instanceof Readable)) throw new Error('the answer has no body');
  return body;
}
