import { DarkroomError } from '../model/errors.ts';
import type { S3Access } from '../model/store-access.ts';
import { isS3Url } from '../model/store-location.ts';
import type { StoreSettings } from './settings.ts';
import type { StoreEntry } from './stores-schema.ts';

/** What somebody said of a server; the rest follows from that, or is usual. */
export type S3Values = Omit<StoreEntry, 'url'>;

const MEBIBYTE = 1024 ** 2;

/** INVALID_REQUEST for a key of KMS without its encryption; `where` names the section. */
export function settleS3(values: S3Values, where: string): S3Access {
  const { endpoint = null, sse = null, kms_key_id: kmsKeyId = null } = values;
  if (kmsKeyId !== null && sse !== 'aws:kms') throw needsKms(where);
  return {
    endpoint,
    region: values.region ?? 'us-east-1',
    // buckets have host names of their own at Amazon alone
    isPathStyle: values.path_style ?? endpoint !== null,
    credentialsFile: values.credentials_file ?? null,
    profile: values.profile ?? null,
    serverSideEncryption: sse,
    kmsKeyId,
    partBytes: values.part_size ?? 16 * MEBIBYTE,
    concurrency: values.concurrency ?? 8,
    retryForMs: (values.retry_for ?? 120) * 1000,
  };
}

/** A store of the settings file. What its entry does not say, the section `s3` says. */
export function nameStore([name, entry]: readonly [string, StoreEntry], common: S3Values, file: string): StoreSettings {
  const { url: location, ...own } = entry;
  if (!isS3Url(location)) return { name, location, s3: null };
  return { name, location, s3: settleS3(withDefaults(own, common), `${file}: stores.${name}`) };
}

function withDefaults(own: S3Values, common: S3Values): S3Values {
  const sse = own.sse ?? common.sse;
  return {
    endpoint: own.endpoint ?? common.endpoint,
    region: own.region ?? common.region,
    path_style: own.path_style ?? common.path_style,
    credentials_file: own.credentials_file ?? common.credentials_file,
    profile: own.profile ?? common.profile,
    sse,
    kms_key_id: own.kms_key_id ?? (sse === 'aws:kms' ? common.kms_key_id : null),
    part_size: own.part_size ?? common.part_size,
    concurrency: own.concurrency ?? common.concurrency,
    retry_for: own.retry_for ?? common.retry_for,
  };
}

function needsKms(where: string): DarkroomError {
  const key = `${where}.kms_key_id`;
  return new DarkroomError('INVALID_REQUEST', `${key}: needs sse: aws:kms beside it`, { fields: { key } });
}
