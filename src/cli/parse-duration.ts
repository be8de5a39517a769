import { DarkroomError } from '../model/errors.ts';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(?:\d{1,9}(?:\.\d{1,3})?[smhd])+$/;

/** `90s`, `5m`, `26h`, `7d`, `1h30m` in whole milliseconds; `0` is none. INVALID_REQUEST for everything else. */
export function parseDuration(option: string, text: string): number {
  if (text === '0') return 0;
  if (!DURATION.test(text)) {
    throw new DarkroomError('INVALID_REQUEST', `--${option} '${text}' is no duration such as 90s, 5m, 26h or 7d.`, {
      fields: { field: option, [option]: text },
    });
  }
  const parts = [...text.matchAll(/([\d.]+)([smhd])/g)];
  return Math.round(parts.reduce((sum, [, count, unit = 's']) => sum + Number(count) * (UNITS_MS[unit] ?? 0), 0));
}
