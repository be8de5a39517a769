import { createHmac } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { builtFile } from '../../lib/built-file.ts';
import { readPrivateFile } from '../../lib/read-private-file.ts';
import type { Clock } from '../../model/ports/host.ts';
import type { Notification } from '../../model/ports/notifier.ts';

/** Before the second try and before the third. */
const PAUSES_MS: readonly number[] = [1_000, 5_000];
const TOO_MANY_REQUESTS = 429;

export interface Webhook {
  /** http:// or https:// URL; what it names before an @ is sent as basic authentication. */
  readonly url: string;
  /** File with the key, without the white space around it; null: unsigned. */
  readonly secretFile: string | null;
  /** For each try. */
  readonly timeoutMs: number;
}

interface Means {
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  readonly signal: AbortSignal | undefined;
}

/**
 * POSTs the notification as JSON. Any 2xx is an answer; redirects are not followed. Tries again twice when the network fails or
 * the status is 429 or 5xx. With a key, `x-darkroom-signature-256` is `sha256=` and the hex HMAC-SHA256 (RFC 2104) of
 * `<x-darkroom-timestamp>.<body>`; the timestamp is in seconds since 1970, so that a receiver can refuse what is replayed.
 * Errors name the host and not the whole URL, whose path is often a secret.
 */
export async function tellWebhook(webhook: Webhook, notification: Notification, means: Means): Promise<void> {
  const url = new URL(webhook.url);
  const body = JSON.stringify(notification);
  const key = webhook.secretFile === null ? null : await readKey(webhook.secretFile);
  for (let tries = 1; ; tries++) {
    const headers = makeHeaders(body, { key, now: means.clock.now() });
    const outcome = await attempt({ url, headers, body, signal: limit(webhook.timeoutMs, means.signal) });
    if (outcome === 'told') return;
    const pauseMs = PAUSES_MS[tries - 1];
    if (!outcome.isPassing || pauseMs === undefined || means.signal?.aborted === true)
      throw new Error(`the webhook at ${url.origin} ${outcome.complaint} (tried ${tries} times)`);
    await means.clock.sleep(pauseMs, means.signal);
  }
}

async function readKey(file: string): Promise<string> {
  try {
    const key = (await readPrivateFile(file)).trim();
    if (key !== '') return key;
  } catch (error) {
    const seen = error instanceof Error ? error.message : String(error);
    throw new Error(`notify.webhook_secret_file: ${file} ${seen}`, { cause: error });
  }
  throw new Error(`notify.webhook_secret_file: ${file} is empty`);
}

function makeHeaders(body: string, { key, now }: { readonly key: string | null; readonly now: Date }) {
  const { version }: { readonly version: string } = createRequire(import.meta.url)(
    fileURLToPath(builtFile('package.json')),
  );
  const timestamp = String(Math.floor(now.getTime() / 1000));
  return {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': `darkroom/${version}`,
    ...(key === null
      ? {}
      : {
          'x-darkroom-timestamp': timestamp,
          'x-darkroom-signature-256': `sha256=${createHmac('sha256', key).update(`${timestamp}.${body}`).digest('hex')}`,
        }),
  };
}

function limit(timeoutMs: number, signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
}

interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

interface Complaint {
  readonly complaint: string;
  /** It may be better next time. */
  readonly isPassing: boolean;
}

async function attempt(post: Post): Promise<'told' | Complaint> {
  try {
    const status = await send(post);
    if (status >= 200 && status < 300) return 'told';
    return { complaint: `answered ${status}`, isPassing: status >= 500 || status === TOO_MANY_REQUESTS };
  } catch (error) {
    const reason: unknown = post.signal.aborted ? post.signal.reason : error;
    return { complaint: `cannot be reached: ${describe(reason)}`, isPassing: true };
  }
}

/** The status of the answer, whose body nobody reads. A connection of its own: the next notification may be days away. */
async function send({ url, headers, body, signal }: Post): Promise<number> {
  return await new Promise((resolve, reject) => {
    const { request } = url.protocol === 'https:' ? https : http;
    const sent = request(url, { method: 'POST', headers, signal, agent: false }, (response) => {
      response.on('error', () => undefined).resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Where a host has several addresses, Node's error says nothing but its code. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' && 'code' in error ? String(error.code) : error.message;
}
