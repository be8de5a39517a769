import { DarkroomError } from '../../model/errors.ts';
import { parseDuration } from '../parse-duration.ts';

const TIME = /^\d{4}-\d{2}-\d{2}T\S+$/;

/** `7d` from `now`, or a time of RFC 3339, as RFC 3339 in UTC. INVALID_REQUEST for everything else, and for none at all. */
export function parseExpiry(text: string, now: Date): string {
  if (!TIME.test(text)) return new Date(now.getTime() + parseSpan(text)).toISOString();
  const time = new Date(text);
  if (Number.isNaN(time.getTime()) || !/(Z|[+-]\d{2}:\d{2})$/i.test(text)) throw invalid(text);
  return time.toISOString();
}

const MAX_SPAN_MS = 100 * 365 * 24 * 3_600_000;

function parseSpan(text: string): number {
  const spanMs = durationOf(text);
  if (spanMs <= 0 || spanMs > MAX_SPAN_MS) throw invalid(text);
  return spanMs;
}

function durationOf(text: string): number {
  try {
    return parseDuration('expires', text);
  } catch {
    throw invalid(text);
  }
}

function invalid(text: string): DarkroomError {
  return new DarkroomError(
    'INVALID_REQUEST',
    `--expires '${text}' is neither a duration such as 7d or 12h, nor a time with its zone such as 2030-01-31T12:00:00Z.`,
    { fields: { field: 'expires', expires: text } },
  );
}
