import { classifyFailure, isSilence } from './classify-failure.ts';

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection broken off',
  EPIPE: 'connection broken off',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  EAI_AGAIN: 'the name service does not answer',
};

/** Why a request is tried again, briefly and for people: `connection refused (ECONNREFUSED)`, `HTTP 503 (SlowDown)`, `no answer`. */
export function describeTrouble(error: unknown): string {
  const { code, httpStatus } = classifyFailure(error);
  if (isSilence(error)) return isUnconnected(error) ? 'no connection (time-out)' : 'no answer (time-out)';
  if (httpStatus !== null) return `HTTP ${httpStatus} (${code})`;
  const words = WORDS[code];
  return words === undefined ? code : `${words} (${code})`;
}

/** The client library has one name for both, and tells them apart in words alone. */
export function isUnconnected(error: unknown): boolean {
  return error instanceof Error && error.message.includes('did not establish a connection');
}
