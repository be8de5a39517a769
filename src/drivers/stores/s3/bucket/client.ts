import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { S3 } from '@aws-sdk/client-s3';
import type { BucketOptions } from '../bucket.ts';
import { fileCredentials } from './credentials.ts';

export const CONNECT_TIMEOUT_MS = 5_000;
export const IDLE_TIMEOUT_MS = 30_000;
const MAX_SOCKETS = 128;

/**
 * The SDK's client; loading it takes a while, so it is done at the first request. It repeats nothing by itself. Sockets that idle are
 * kept open but keep no process alive.
 */
export async function openClient(options: BucketOptions): Promise<S3> {
  // its advice on versions of Node is not for those who see our messages
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const [{ S3 }, { NodeHttpHandler }, credentials] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@smithy/node-http-handler'),
    fileCredentials(options),
  ]);
  const agentOptions = { keepAlive: true, maxSockets: MAX_SOCKETS, scheduling: 'lifo' as const };
  return new S3({
    region: options.region,
    forcePathStyle: options.isPathStyle,
    maxAttempts: 1,
    // Ceph answers 411 to streams with the checksums that are the default since 2025
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // the handler waits for no "100 Continue" on connections that are kept
    expectContinueHeader: false,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      socketAcquisitionWarningTimeout: 2 ** 30,
      httpAgent: new HttpAgent(agentOptions),
      httpsAgent: new HttpsAgent(agentOptions),
    }),
    ...(options.endpoint === null ? {} : { endpoint: options.endpoint }),
    ...(options.profile === null ? {} : { profile: options.profile }),
    ...(credentials === null ? {} : { credentials }),
  });
}
