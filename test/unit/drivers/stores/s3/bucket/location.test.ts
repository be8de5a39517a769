import { describe, expect, it } from 'vitest';
import { parseLocation } from '../../../../../../src/drivers/stores/s3/bucket/location.ts';

describe('where a bucket is', () => {
  it.each([
    ['s3://images', 'images', ''],
    ['s3://images/', 'images', ''],
    ['s3://images/darkroom', 'images', 'darkroom/'],
    ['s3://images/darkroom/', 'images', 'darkroom/'],
    ['s3://images/a//b', 'images', 'a/b/'],
  ])('%s', (location, bucketName, prefix) => {
    expect(parseLocation(location)).toEqual({ bucketName, prefix });
  });

  it.each(['', 's3://', 's3:///a', '/srv/images', 'http://images/a'])('is not %j', (location) => {
    expect(() => parseLocation(location)).toThrow('not a bucket');
  });
});
