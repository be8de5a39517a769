import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { createS3Images } from '../../src/drivers/stores/s3/images/s3-images.ts';
import { createMirror } from '../../src/drivers/stores/s3/mirror/create-mirror.ts';
import { createFakeBucket, type FakeBucket } from './fake-bucket.ts';
import { listTree } from './fake-host.ts';
import { createFakeShelf } from './fake-shelf.ts';
import { makeShelfHost, type ShelfHost } from './shelf-host.ts';

export interface BucketHost {
  readonly host: ShelfHost;
  /** Folder of the host's copies of what is in the bucket. */
  readonly cache: string;
  /** Files of disks in there, whatever their names are for the moment. */
  cachedDisks(): readonly string[];
  cachedBytes(): number;
}

export interface BucketSite {
  readonly bucket: FakeBucket;
  /** Of images and drafts, but for the word that tells of changes. */
  imageKeys(): readonly string[];
  addHost(hostName: string): BucketHost;
  dispose(): void;
}

/** Hosts of fakes whose images are in one bucket, by way of the real driver. */
export function makeBucketSite(): BucketSite {
  const root = mkdtempSync('/var/tmp/dr-bkt-');
  const bucket = createFakeBucket();
  const shelf = createFakeShelf();
  const hosts: ShelfHost[] = [];
  const openStore = (cache: string, hostName: string) => {
    const mirror = createMirror(bucket, { rootPath: cache, limitBytes: 1e9, imageGroup: '0' });
    const images = createS3Images({ bucket, mirror, location: bucket.location, hostName, imageGroup: '0' });
    const never = (): never => {
      throw new Error('a bucket has no such thing');
    };
    return { ...images, breakImage: never, dispose: () => undefined };
  };
  return {
    bucket,
    imageKeys: () =>
      [...bucket.objects.keys()].filter((key) => key.startsWith('images/') && !key.endsWith('/.changes')),
    addHost: (hostName) => {
      const cache = path.join(root, hostName);
      const host = makeShelfHost({ hostName, storage: { store: openStore(cache, hostName), shelf } });
      hosts.push(host);
      const files = (): string[] => listTree(cache);
      return {
        host,
        cache,
        cachedDisks: () => files().filter((file) => file.includes('disk-') && !file.endsWith('.copy')),
        cachedBytes: () => files().reduce((sum, file) => sum + statSync(path.join(cache, file)).size, 0),
      };
    },
    dispose: () => {
      for (const host of hosts) host.dispose();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export function hashFile(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
