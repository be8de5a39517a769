import type { S3 } from '@aws-sdk/client-s3';
import type { BucketOptions } from '../bucket.ts';
import { classifyFailure, Silence } from './classify-failure.ts';
import { openClient } from './client.ts';
import { noCredentials } from './credentials.ts';
import { describeTrouble } from './describe-trouble.ts';
import { parseLocation } from './location.ts';
import { createReachability, TELL_AFTER_MS } from './reachability.ts';
import { retry, throwIfCancelled } from './retry.ts';
import { type Attempted, type Effort, translateError } from './translate-error.ts';

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
  const server = createReachability({
    tell: ({ error, leftMs }) =>
      options.onUnreachable?.({
        endpoint: endpointOf(options),
        reason: describeTrouble(error),
        forMs: Math.round(leftMs),
      }),
  });
  return {
    options,
    bucketName,
    dialect: { hasQuotedEtags: null },
    fullKey: (key) => prefix + key,
    ownKey: (fullKey) => fullKey.slice(prefix.length),
    run: async (run, request) => {
      const isRead = run.retryForMs !== undefined;
      const forMs = server.patience(Math.min(options.retryForMs, run.retryForMs ?? Number.POSITIVE_INFINITY), isRead);
      // an attempt that begins just before the end is waited for too
      const onSilence = (waitedMs: number, attemptMs: number): void =>
        server.troubled({
          error: new Silence('so far'),
          lastsMs: waitedMs,
          leftMs: attemptMs - waitedMs + (forMs === 0 ? 0 : forMs + attemptMs),
        });
      const startedMs = performance.now();
      let tries = 0;
      try {
        throwIfCancelled(run.signal);
        const s3 = await open();
        const result = await retry(
          (failedBefore) => {
            tries += 1;
            return attemptOnce({ ...run, onSilence }, (abortSignal) => request(s3, { abortSignal, failedBefore }));
          },
          { forMs, signal: run.signal, progress: run.progress, onFailure: server.troubled },
        );
        server.answered();
        return result;
      } catch (error) {
        server.failed(error);
        throw explain(error, { run, options, effort: { tries, lastedMs: performance.now() - startedMs } });
      }
    },
  };
}

interface AttemptOptions extends Pick<RunOptions, 'signal' | 'attemptMs'> {
  readonly onSilence: (waitedMs: number, attemptMs: number) => void;
}

async function attemptOnce<Result>(
  { signal: cancelled, attemptMs, onSilence }: AttemptOptions,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const giveUp = new AbortController();
  const signal = cancelled === undefined ? giveUp.signal : AbortSignal.any([cancelled, giveUp.signal]);
  const timers =
    attemptMs === undefined
      ? []
      : [
          setTimeout(() => giveUp.abort(), attemptMs),
          setTimeout(() => onSilence(TELL_AFTER_MS, attemptMs), TELL_AFTER_MS),
        ];
  try {
    return await work(signal);
  } catch (error) {
    throw giveUp.signal.aborted ? new Silence(`no answer within ${(attemptMs ?? 0) / 1000} s`) : error;
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

interface Failed {
  readonly run: RunOptions;
  readonly options: BucketOptions;
  readonly effort: Effort;
}

function explain(error: unknown, { run, options, effort }: Failed): Error {
  if (classifyFailure(error).kind === 'no-credentials') return noCredentials(options, error);
  const object = run.key === '' ? options.location : `${options.location.replace(/\/+$/, '')}/${run.key}`;
  return translateError(error, { action: run.action, object, endpoint: endpointOf(options), effort });
}

function endpointOf({ endpoint, region }: BucketOptions): string {
  return endpoint ?? `Amazon S3, ${region}`;
}
