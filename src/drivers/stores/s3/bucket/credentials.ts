import { NotPrivate, readPrivateFile } from '../../../../lib/read-private-file.ts';
import { DarkroomError } from '../../../../model/errors.ts';
import type { BucketOptions } from '../bucket.ts';

type CredentialOptions = Pick<BucketOptions, 'credentialsFile' | 'profile' | 'location'>;
type IniProvider = ReturnType<typeof import('@aws-sdk/credential-provider-ini')['fromIni']>;

/**
 * What gives the access key and secret from `credentialsFile`, which only its owner may read; null where it is the standard chain's
 * work (https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html). STORE_UNUSABLE for a file that is not private.
 */
export async function fileCredentials(options: CredentialOptions): Promise<IniProvider | null> {
  const { credentialsFile, profile } = options;
  if (credentialsFile === null) return null;
  await assertPrivate(credentialsFile, options.location);
  const { fromIni } = await import('@aws-sdk/credential-provider-ini');
  return fromIni({
    filepath: credentialsFile,
    configFilepath: credentialsFile,
    ignoreCache: true,
    profile: profile ?? 'default',
  });
}

/** Where they were looked for: for people. */
export function describeSources(options: CredentialOptions): string {
  const profile = options.profile ?? 'default';
  if (options.credentialsFile !== null) return `profile [${profile}] of ${options.credentialsFile}`;
  const sources = [
    'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    `profile [${profile}] of ~/.aws/credentials and config`,
  ];
  return [...sources, 'web identity', 'the metadata service of the container or instance'].join('; ');
}

export function noCredentials(options: CredentialOptions, cause: unknown): DarkroomError {
  const seen = cause instanceof Error ? cause.message : String(cause);
  const message = `No credentials for ${options.location}: looked at ${describeSources(options)} (${seen}): put them there, or name a file with credentials_file`;
  return new DarkroomError('STORE_UNUSABLE', message, { fields: { location: options.location }, cause });
}

async function assertPrivate(file: string, location: string): Promise<void> {
  try {
    await readPrivateFile(file);
  } catch (error) {
    if (!(error instanceof NotPrivate)) throw error;
    const message = `The credentials of ${location} are not used: ${file} ${error.message}`;
    throw new DarkroomError('STORE_UNUSABLE', message, { fields: { location, path: file }, cause: error });
  }
}
