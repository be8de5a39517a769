import type { IncomingMessage } from 'node:http';

/** Statuses after which the same request may go well. */
const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

export function isPassingStatus(status: number): boolean {
  return PASSING.has(status);
}

/** As the service asked for, in seconds or as a date (RFC 9110 section 10.2.3); null where it did not. */
export function retryAfterMs({ headers }: Pick<IncomingMessage, 'headers'>): number | null {
  const asked = headers['retry-after'];
  if (asked === undefined) return null;
  const ms = /^\d+$/.test(asked) ? Number(asked) * 1000 : Date.parse(asked) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}
