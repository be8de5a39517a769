const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const ADDRESS = /^\d+\.\d+\.\d+\.\d+$/;
const SEGMENT = /^[A-Za-z0-9._=+@-]+$/;

/** Their copies on this host lie in a folder that is called like both. */
const MOST_CHARACTERS = 180;

export function isS3Url(location: string): boolean {
  return location.startsWith('s3://');
}

/**
 * `s3://bucket/prefix` without a slash at its end, or what is wrong with it. Names of buckets as
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html has them; prefixes of characters that no engine,
 * tool or file system reads as anything else.
 */
export function parseS3Url(url: string): { readonly location: string } | { readonly complaint: string } {
  const [bucket = '', ...segments] = url.slice('s3://'.length).replace(/\/$/, '').split('/');
  const complaint = complainOfBucket(bucket) ?? complainOfPrefix(segments);
  return complaint === null ? { location: ['s3:/', bucket, ...segments].join('/') } : { complaint };
}

function complainOfBucket(bucket: string): string | null {
  if (BUCKET.test(bucket) && !ADDRESS.test(bucket) && !/\.\.|\.-|-\./.test(bucket)) return null;
  return 'must be s3://bucket/prefix with a bucket of 3 to 63 small letters, digits, dots and hyphens';
}

function complainOfPrefix(segments: readonly string[]): string | null {
  if (segments.some((segment) => segment === '.' || segment === '..')) return 'must not have . or .. in its prefix';
  if (segments.some((segment) => segment === '')) return 'must not have an empty part in its prefix';
  if (!segments.every((segment) => SEGMENT.test(segment)))
    return 'must have a prefix of the characters A-Z a-z 0-9 . _ = + @ - and /';
  const isLong = segments.join('/').length > MOST_CHARACTERS;
  return isLong ? `must have a prefix of at most ${MOST_CHARACTERS} characters` : null;
}
