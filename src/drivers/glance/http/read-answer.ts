import type { IncomingMessage } from 'node:http';
import { explainNetworkError, Trouble } from './trouble.ts';

/** No description of images, and no catalogue, is nearly as long. */
const MAX_BYTES = 16 * 1024 ** 2;
const MAX_SEEN = 300;

/** The body as text. Trouble when it breaks off or has no end. */
export async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer) {
      const bytes = Buffer.from(chunk);
      chunks.push(bytes);
      length += bytes.length;
      if (length > MAX_BYTES) throw new Trouble(`its answer is longer than ${MAX_BYTES} bytes`);
    }
  } catch (error) {
    throw explainNetworkError(error);
  } finally {
    answer.destroy();
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The body as JSON; null where it is empty or no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What a refusal says to people: OpenStack answers in JSON, or in a small page. One line, and no long one. */
export function describeRefusal(status: number, text: string): string {
  const said = (saidInJson(parseJson(text)) ?? saidInPage(text)).replaceAll(/\s+/g, ' ').trim();
  const printable = said.replaceAll(/\p{Cc}/gu, '');
  return printable === '' ? String(status) : `${status}: ${[...printable].slice(0, MAX_SEEN).join('')}`;
}

function saidInJson(json: unknown): string | null {
  if (typeof json !== 'object' || json === null) return null;
  const error: unknown = 'error' in json ? json.error : json;
  if (typeof error === 'string') return error;
  const isMessage = typeof error === 'object' && error !== null && 'message' in error;
  return isMessage && typeof error.message === 'string' ? error.message : null;
}

function saidInPage(text: string): string {
  const body = text
    .replace(/<head>[\s\S]*?<\/head>/i, '')
    .replace(/<h1>[\s\S]*?<\/h1>/i, '')
    // as plain text it begins with the status again
    .replace(/^\d{3} [^\n]*\n+/, '');
  return body
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&#x27;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}
