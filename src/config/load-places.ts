import { GLANCE } from './glance-schema.ts';
import { nameImageService } from './load-image-services.ts';
import { nameStore, type S3Values, settleS3 } from './load-s3.ts';
import { listStores } from './load-stores.ts';
import { readSetting } from './read-setting.ts';
import { readSection } from './section-schema.ts';
import type { FoundSettings } from './setting-sources.ts';
import type { Settings } from './settings.ts';
import { STORES } from './stores-schema.ts';

export interface PlaceSources {
  readonly found: FoundSettings;
  readonly file: string;
  /** What stands in it. */
  readonly document: Readonly<Record<string, unknown>>;
  /** Where the default store is that nobody set. */
  readonly fallback: string;
}

/** Where images may be. INVALID_REQUEST names file, variable or option, and key. */
export function loadPlaces(sources: PlaceSources): Pick<Settings, 'stores' | 's3' | 'imageServices'> {
  const { found, file, document, fallback } = sources;
  const common = readS3Values(found);
  const s3 = settleS3(common, 's3');
  const named = Object.entries(readSection(file, document, STORES)).map((entry) => nameStore(entry, common, file));
  const value = readSetting(found, 'store');
  const origin = found.get('store');
  const wanted = value === undefined || origin === undefined ? null : { ...origin, value };
  return {
    stores: listStores({ wanted, fallback, named }, s3),
    s3,
    imageServices: Object.entries(readSection(file, document, GLANCE)).map(nameImageService),
  };
}

function readS3Values(found: FoundSettings): S3Values {
  return {
    endpoint: readSetting(found, 's3.endpoint'),
    region: readSetting(found, 's3.region'),
    path_style: readSetting(found, 's3.path_style'),
    credentials_file: readSetting(found, 's3.credentials_file'),
    profile: readSetting(found, 's3.profile'),
    sse: readSetting(found, 's3.sse'),
    kms_key_id: readSetting(found, 's3.kms_key_id'),
    part_size: readSetting(found, 's3.part_size'),
    concurrency: readSetting(found, 's3.concurrency'),
    retry_for: readSetting(found, 's3.retry_for'),
  };
}
