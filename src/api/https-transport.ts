import { request as httpsRequest } from 'node:https';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { DarkroomError } from '../model/errors.ts';
import { codeOf, describeConnectionFailure } from './connection-failure.ts';
import { createHttpTransport } from './http-transport.ts';
import type { Transport } from './transport.ts';

/** An agent on another host, and who we are to it. PEM texts. */
export interface HttpsTarget {
  /** What people call it. */
  readonly host: string;
  readonly url: URL;
  /** The only authority that may have signed its certificate; null: those that this system trusts. */
  readonly ca: { readonly file: string; readonly pem: string } | null;
  readonly identity: { readonly certificate: string; readonly key: string } | null;
  readonly token: string | null;
}

export interface HttpsOptions {
  readonly connectTimeoutMs?: number;
  readonly answerTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

const CONNECT_TIMEOUT_MS = 5000;
const ANSWER_TIMEOUT_MS = 60_000;

/** Reaches an agent over TLS 1.2 or later, as its certificate's name says it is. INVALID_REQUEST for unusable PEM texts. */
export function createHttpsTransport(target: HttpsTarget, options: HttpsOptions = {}): Transport {
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS, answerTimeoutMs = ANSWER_TIMEOUT_MS, signal } = options;
  const secure = makeSecure(target);
  const { hostname, port } = target.url;
  return createHttpTransport({
    open: (request) =>
      httpsRequest({
        ...request,
        host: hostname.replace(/^\[|\]$/g, ''),
        port: port === '' ? 443 : Number(port),
        ...secure,
        // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
        rejectUnauthorized: true,
      }),
    connectEvent: 'secureConnect',
    headers: target.token === null ? {} : { authorization: `Bearer ${target.token}` },
    timeouts: { connectMs: connectTimeoutMs, answerMs: answerTimeoutMs },
    ...(signal === undefined ? {} : { signal }),
    describe: (error) => unreachable(target, error),
  });
}

/** Tried out once, so that a key that fits nothing is told as what it is. */
function makeSecure({ host, ca, identity }: HttpsTarget): SecureContextOptions {
  if (ca !== null && !ca.pem.includes('-----BEGIN CERTIFICATE-----')) {
    throw unusable(host, `${ca.file} holds no PEM certificate`);
  }
  const secure: SecureContextOptions = {
    minVersion: 'TLSv1.2',
    ...(ca === null ? {} : { ca: ca.pem }),
    ...(identity === null ? {} : { cert: identity.certificate, key: identity.key }),
  };
  try {
    createSecureContext(secure);
    return secure;
  } catch (error) {
    const isOtherKey = codeOf(error) === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH';
    const seen = error instanceof Error ? error.message : String(error);
    throw unusable(
      host,
      isOtherKey ? 'certificate and key do not belong together' : `its certificates and key cannot be used: ${seen}`,
      error,
    );
  }
}

function unreachable({ host, url, ca }: HttpsTarget, error: unknown): DarkroomError {
  const seen = describeConnectionFailure(error, { ca: ca?.file ?? null });
  return new DarkroomError('AGENT_UNREACHABLE', `The agent of ${host} (${url.host}) cannot be reached: ${seen}.`, {
    fields: { host, url: url.origin, seen: codeOf(error), reason: seen },
    cause: error,
  });
}

function unusable(host: string, complaint: string, cause?: unknown): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', `Host ${host} of the inventory: ${complaint}.`, {
    fields: { host },
    cause,
  });
}
