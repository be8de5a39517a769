/** RFC 3339, UTC, in whole seconds: listings of some servers know more than their headers, and both shall say the same. */
export function toSeconds(time: Date | undefined): string {
  const ms = time?.getTime() ?? 0;
  return new Date(Math.floor(ms / 1000) * 1000).toISOString();
}
