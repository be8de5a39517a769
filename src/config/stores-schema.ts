import path from 'node:path';
import { z } from 'zod';
import { isS3Url, parseS3Url } from '../model/store-location.ts';
import { sectionName } from './section-schema.ts';
import { schemaOf } from './settings-schema.ts';

const STORES_SECTION = 'stores';

/** What the default store is called that has no name in the configuration. */
export const NAMELESS = 'default';

const EXPECTED = 'must be s3://bucket/prefix or the absolute path of a folder';

const url = z.string(EXPECTED).transform((text, context) => {
  if (path.isAbsolute(text)) return path.resolve(text);
  const parsed = isS3Url(text) ? parseS3Url(text) : { complaint: EXPECTED };
  if ('location' in parsed) return parsed.location;
  context.addIssue({ code: 'custom', message: parsed.complaint });
  return z.NEVER;
});

/** The keys are those of the section `s3`, for this store alone. */
const storeSchema = z
  .strictObject(
    {
      url,
      endpoint: schemaOf('s3.endpoint').nullish(),
      region: schemaOf('s3.region').nullish(),
      path_style: schemaOf('s3.path_style').nullish(),
      credentials_file: schemaOf('s3.credentials_file').nullish(),
      profile: schemaOf('s3.profile').nullish(),
      sse: schemaOf('s3.sse').nullish(),
      kms_key_id: schemaOf('s3.kms_key_id').nullish(),
      part_size: schemaOf('s3.part_size').nullish(),
      concurrency: schemaOf('s3.concurrency').nullish(),
      retry_for: schemaOf('s3.retry_for').nullish(),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? 'must hold url, and what else it needs' : undefined) },
  )
  .check((context) => {
    const { url: location, ...server } = context.value;
    if (isS3Url(location)) return;
    const [key] = Object.entries(server).find(([, value]) => (value ?? null) !== null) ?? [];
    if (key === undefined) return;
    context.issues.push({ code: 'custom', input: null, path: [key], message: 'is for stores with an s3:// url alone' });
  });

export type StoreEntry = z.output<typeof storeSchema>;

const storeName = sectionName.refine(
  (name) => name !== NAMELESS,
  `must not be '${NAMELESS}', which is what a store without a name is called`,
);

/** Stores of the settings file by their names. */
export const STORES = {
  name: STORES_SECTION,
  keys: Object.keys(storeSchema.shape),
  schema: z.record(storeName, storeSchema, {
    error: (issue) => (issue.code === 'invalid_type' ? 'must hold stores as "name: { url: … }"' : undefined),
  }),
};
