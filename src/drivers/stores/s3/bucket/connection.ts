import type { S3 } from '@aws-sdk/client-s3';
import type { BucketOptions } from '../bucket.ts';
import { classifyFailure, Silence } from './classify-failure.ts';
import { openClient } from './client.ts';
import { noCredentials } from './credentials.ts';
import { parseLocation } from './location.ts';
import { createReachability } from './reachability.ts';
import { retry, throwIfCancelled } from './retry.ts';
import { type Attempted, translateError } from './translate-error.ts';

export interface RunOptions {
  readonly action: Attempted['action'];
  /** Without the prefix; '' for the bucket. */
  readonly key: string;
  readonly signal?: AbortSignal | undefined;
  /** How long one attempt may take in all; without it only silence ends one. */
  readonly attemptMs?: number;
  /** A figure that grows with what was achieved: the time to repeat begins anew then. */
  readonly progress?: () => number;
  /** For what only reads: at most so long. Otherwise the settings say how long. */
  readonly retryForMs?: number;
}

export interface Attempt {
  /** Fires when the caller gives up, or the attempt takes too long. */
  readonly abortSignal: AbortSignal;
  readonly failedBefore: number;
}

/** The one way to a bucket: every request with retries and errors of ours. */
export interface Connection {
  readonly options: BucketOptions;
  readonly bucketName: string;
  /** What was learnt about the server. */
  readonly dialect: { hasQuotedEtags: boolean | null };
  /** With the prefix of the store. */
  fullKey(key: string): string;
  /** Without it. */
  ownKey(fullKey: string): string;
  run<Result>(options: RunOptions, request: (s3: S3, attempt: Attempt) => Promise<Result>): Promise<Result>;
}

/** Connects at the first request, and again after credentials that could not be read. */
export function createConnection(options: BucketOptions): Connection {
  const { bucketName, prefix } = parseLocation(options.location);
  let opening: Promise<S3> | null = null;
  const open = (): Promise<S3> => {
    opening ??= openClient(options).catch((error: unknown) => {
      opening = null;
      throw error;
    });
    return opening;
  };
  const server = createReachability();
  return {
    options,
    bucketName,
    dialect: { hasQuotedEtags: null },
    fullKey: (key) => prefix + key,
    ownKey: (fullKey) => fullKey.slice(prefix.length),
    run: async (run, request) => {
      const isRead = run.retryForMs !== undefined;
      const forMs = Math.min(options.retryForMs, run.retryForMs ?? Number.POSITIVE_INFINITY);
      try {
        throwIfCancelled(run.signal);
        const s3 = await open();
        const result = await retry(
          (failedBefore) => attemptOnce(run, (abortSignal) => request(s3, { abortSignal, failedBefore })),
          { forMs: server.patience(forMs, isRead), signal: run.signal, progress: run.progress },
        );
        server.answered();
        return result;
      } catch (error) {
        server.failed(error);
        throw explain(error, run, options);
      }
    },
  };
}

async function attemptOnce<Result>(run: RunOptions, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const giveUp = new AbortController();
  const signal = run.signal === undefined ? giveUp.signal : AbortSignal.any([run.signal, giveUp.signal]);
  const { attemptMs } = run;
  const timer = attemptMs === undefined ? undefined : setTimeout(() => giveUp.abort(), attemptMs);
  try {
    return await work(signal);
  } catch (error) {
    throw giveUp.signal.aborted ? new Silence(`no answer within ${(attemptMs ?? 0) / 1000} s`) : error;
  } finally {
    clearTimeout(timer);
  }
}

function explain(error: unknown, run: RunOptions, options: BucketOptions): Error {
  if (classifyFailure(error).kind === 'no-credentials') return noCredentials(options, error);
  const endpoint = options.endpoint ?? `Amazon S3, ${options.region}`;
  const object = run.key === '' ? options.location : `${options.location.replace(/\/+$/, '')}/${run.key}`;
  return translateError(error, { action: run.action, object, endpoint });
}
