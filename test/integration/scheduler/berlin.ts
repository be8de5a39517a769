const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Wall-clock time of Berlin, by the rule of the EU and without the library that is under test. As milliseconds that UTC fields show. */
function toBerlin(ms: number): number {
  return ms + offsetMs(ms);
}

function offsetMs(ms: number): number {
  const year = new Date(ms).getUTCFullYear();
  return ms >= lastSunday(year, 2) && ms < lastSunday(year, 9) ? 2 * HOUR_MS : HOUR_MS;
}

/** 01:00 UTC of the last Sunday of a month that has 31 days. */
function lastSunday(year: number, month: number): number {
  const last = new Date(Date.UTC(year, month, 31, 1));
  return last.getTime() - last.getUTCDay() * DAY_MS;
}

/** The instants in [fromMs, untilMs) at which a clock in Berlin shows that time of day, which is none that it jumps over or shows twice. */
export function listBerlinTimes(
  { fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number },
  { hour, minute, weekday }: { readonly hour: number; readonly minute: number; readonly weekday?: number },
): readonly number[] {
  const times: number[] = [];
  const quarters = Math.ceil(fromMs / 900_000);
  for (let ms = quarters * 900_000; ms < untilMs; ms += 900_000) {
    const local = new Date(toBerlin(ms));
    if (local.getUTCHours() !== hour || local.getUTCMinutes() !== minute) continue;
    if (weekday === undefined || local.getUTCDay() === weekday) times.push(ms);
  }
  return times;
}

/** What period of each length an instant lies in: anything that is the same within and another without. */
export const BERLIN_PERIODS = {
  hourly: (ms: number) => Math.floor(ms / HOUR_MS),
  daily: (ms: number) => Math.floor(toBerlin(ms) / DAY_MS),
  // 1970 began on a Thursday
  weekly: (ms: number) => Math.floor((Math.floor(toBerlin(ms) / DAY_MS) + 3) / 7),
  monthly: (ms: number) => new Date(toBerlin(ms)).getUTCFullYear() * 12 + new Date(toBerlin(ms)).getUTCMonth(),
  yearly: (ms: number) => new Date(toBerlin(ms)).getUTCFullYear(),
} as const;
