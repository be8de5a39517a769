/** Limits of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
export const MOST_PARTS = 10_000;
export const SMALLEST_PART_BYTES = 5 * 1024 * 1024;
const ROUND_TO_BYTES = 1024 * 1024;

export interface Part {
  /** From 1. */
  readonly number: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** The length of all parts but the last: as wanted, or as much as is needed to have no more than 10,000. */
export function choosePartBytes(sizeBytes: number, wantedBytes: number): number {
  const neededBytes = Math.ceil(sizeBytes / MOST_PARTS / ROUND_TO_BYTES) * ROUND_TO_BYTES;
  return Math.max(wantedBytes, neededBytes, SMALLEST_PART_BYTES);
}

/** In order, without gaps. A file of no bytes is one part of none. */
export function planParts(sizeBytes: number, partBytes: number): readonly Part[] {
  const count = Math.max(1, Math.ceil(sizeBytes / partBytes));
  return Array.from({ length: count }, (_unused, index) => {
    const offsetBytes = index * partBytes;
    return { number: index + 1, offsetBytes, lengthBytes: Math.min(partBytes, sizeBytes - offsetBytes) };
  });
}
