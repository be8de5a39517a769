import { z } from 'zod';
import { NotPrivate, readPrivateFile } from '../../../lib/read-private-file.ts';
import type { ServiceAuth } from '../../../model/store-access.ts';
import { unusable } from '../failures.ts';
import { isPassingStatus, retryAfterMs } from '../http/passing.ts';
import { describeRefusal, parseJson, readText } from '../http/read-answer.ts';
import { type Connection, send } from '../http/send.ts';
import { Trouble, Unreachable } from '../http/trouble.ts';

export type Credentials = Exclude<ServiceAuth, { readonly kind: 'none' }>;

const endpointSchema = z.looseObject({
  interface: z.string(),
  region: z.string().nullish(),
  region_id: z.string().nullish(),
  url: z.string(),
});
const catalogueSchema = z.array(z.looseObject({ type: z.string(), endpoints: z.array(endpointSchema) }));
const tokenSchema = z.looseObject({
  token: z.looseObject({ issued_at: z.string(), expires_at: z.string(), catalog: catalogueSchema.default([]) }),
});

export type Catalogue = z.infer<typeof catalogueSchema>;

export interface Token {
  readonly id: string;
  /** From now on, by the clock of who issued it. */
  readonly lifetimeMs: number;
  readonly catalogue: Catalogue;
}

/**
 * A token of the Identity API v3, scoped to the project (https://docs.openstack.org/api-ref/identity/v3/, POST /v3/auth/tokens).
 * Trouble; IMAGE_SERVICE_UNUSABLE for credentials that are not taken, and for files of secrets that others can read. Never quotes a secret.
 */
export async function signIn(
  credentials: Credentials,
  {
    service,
    connection,
    signal,
  }: {
    readonly service: string;
    readonly connection: Connection;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Token> {
  const url = new URL(`${identityUrl(credentials.authUrl)}/auth/tokens`);
  const secret = await readSecret(service, credentials);
  const body = JSON.stringify({ auth: describeAuth(credentials, secret) });
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const answer = await send({ method: 'POST', url, headers, body, signal }, connection).catch((error: unknown) => {
    throw aboutIdentity(error, { service, url });
  });
  const text = await readText(answer);
  const status = answer.statusCode ?? 0;
  const seen = describeRefusal(status, text).replaceAll(secret, '…');
  if (isPassingStatus(status))
    throw new Trouble(`its identity service at ${url.origin} answered ${seen}`, { retryAfterMs: retryAfterMs(answer) });
  const id = answer.headers['x-subject-token'];
  const known = tokenSchema.safeParse(parseJson(text));
  if (status === 201 && typeof id === 'string' && known.success) {
    const { issued_at: issuedAt, expires_at: expiresAt, catalog } = known.data.token;
    return { id, lifetimeMs: Date.parse(expiresAt) - Date.parse(issuedAt), catalogue: catalog };
  }
  throw unusable(service, explainRefusal(credentials, { status, seen }), { fields: { authUrl: credentials.authUrl } });
}

/** With /v3, however it was written. */
function identityUrl(authUrl: string): string {
  const base = authUrl.replace(/\/+$/, '');
  return /\/v3$/.test(base) ? base : `${base}/v3`;
}

function describeAuth(credentials: Credentials, secret: string): unknown {
  if (credentials.kind === 'application_credential')
    return {
      identity: { methods: ['application_credential'], application_credential: { id: credentials.id, secret } },
    };
  const { username, userDomain, project, projectDomain } = credentials;
  return {
    identity: {
      methods: ['password'],
      password: { user: { name: username, domain: { name: userDomain }, password: secret } },
    },
    scope: { project: { name: project, domain: { name: projectDomain } } },
  };
}

async function readSecret(service: string, credentials: Credentials): Promise<string> {
  const isPassword = credentials.kind === 'password';
  const file = isPassword ? credentials.passwordFile : credentials.secretFile;
  const setting = `glance.${service}.${isPassword ? 'password_file' : 'secret_file'}`;
  try {
    const secret = (await readPrivateFile(file)).replace(/\r?\n$/, '');
    if (secret !== '') return secret;
  } catch (error) {
    if (error instanceof NotPrivate) throw unusable(service, `${setting}: ${file} ${error.message}.`, { cause: error });
    throw error;
  }
  throw unusable(service, `${setting}: ${file} is empty.`);
}

/** The same, saying that it is not the image service that was asked. */
function aboutIdentity(error: unknown, { service, url }: { readonly service: string; readonly url: URL }): unknown {
  const where = `its identity service at ${url.origin}`;
  if (error instanceof Trouble) return new Trouble(`${where} cannot be reached: ${error.message}`, { cause: error });
  if (!(error instanceof Unreachable)) return error;
  const remedy = `Look at auth_url and ca of glance.${service}.`;
  return unusable(service, `${where} cannot be reached: ${error.message}. ${remedy}`, { cause: error });
}

function explainRefusal(
  credentials: Credentials,
  { status, seen }: { readonly status: number; readonly seen: string },
): string {
  const { authUrl } = credentials;
  if (status !== 401 && status !== 403)
    return `${authUrl} does not answer as an Identity API v3 does (${seen}). Look at auth_url.`;
  const who =
    credentials.kind === 'password'
      ? `the user ${credentials.username} (domain ${credentials.userDomain}) for the project ${credentials.project} ` +
        `(domain ${credentials.projectDomain})`
      : `the application credential ${credentials.id}`;
  return `the identity service at ${authUrl} does not accept ${who}, or not with this secret (${seen}). Look at its credentials in the configuration.`;
}
