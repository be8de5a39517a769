import { DarkroomError } from '../../../../model/errors.ts';

export interface BucketPlace {
  readonly bucketName: string;
  /** Empty, or ends in a slash. */
  readonly prefix: string;
}

const FORM = /^s3:\/\/(?<bucketName>[^/]+)(?:\/(?<prefix>.*))?$/;

/** Of `s3://bucket/prefix`. INVALID_REQUEST for anything else. */
export function parseLocation(location: string): BucketPlace {
  const groups = FORM.exec(location)?.groups;
  const bucketName = groups?.['bucketName'];
  if (bucketName === undefined) {
    throw new DarkroomError('INVALID_REQUEST', `not a bucket: ${location}: give s3://BUCKET or s3://BUCKET/PREFIX`);
  }
  const prefix = (groups?.['prefix'] ?? '').split('/').filter((part) => part !== '');
  return { bucketName, prefix: prefix.map((part) => `${part}/`).join('') };
}
