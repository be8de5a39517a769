/** Median of at least one figure. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  const [low = 0, high = low] = sorted.length % 2 === 1 ? [sorted[middle]] : [sorted[middle - 1], sorted[middle]];
  return (low + high) / 2;
}

/** The smallest figure that so many hundredths of them do not exceed: of at least one. */
export function percentile(figures: readonly number[], hundredths: number): number {
  const sorted = [...figures].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil((sorted.length * hundredths) / 100) - 1)] ?? 0;
}

export function round(figure: number, digits = 2): number {
  return Number(figure.toFixed(digits));
}
