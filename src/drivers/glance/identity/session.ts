import { unusable } from '../failures.ts';
import type { Connection } from '../http/send.ts';
import type { ImageServiceOptions } from '../service-options.ts';
import { findEndpoint } from './find-endpoint.ts';
import { signIn } from './sign-in.ts';

/** So long before its end a token counts as expired: what is begun with it needs a while. */
const SPARE_MS = 120_000;

/** Where the Image API is, and what opens it. */
export interface Access {
  /** Ends with /v2. */
  readonly url: string;
  /** null: nobody asks for one. */
  readonly token: string | null;
}

export interface Session {
  /** Signs in where that was not done, or is too long ago. Trouble, IMAGE_SERVICE_UNUSABLE. */
  open(signal: AbortSignal | undefined): Promise<Access>;
  /** The token was refused: the next one is a new one. */
  forget(access: Access): void;
}

/** One for each service: tokens are kept in memory alone. */
export function createSession(options: ImageServiceOptions, connect: () => Promise<Connection>): Session {
  const { auth, endpoint, name } = options;
  let kept: { readonly access: Access; readonly untilMs: number } | null = null;
  return {
    open: async (signal) => {
      if (kept !== null && performance.now() < kept.untilMs) return kept.access;
      if (auth.kind === 'none') return { url: apiUrl(name, endpoint ?? ''), token: null };
      const startMs = performance.now();
      const token = await signIn(auth, { service: name, connection: await connect(), signal });
      const url = apiUrl(name, endpoint ?? findEndpoint(token.catalogue, options));
      const access = { url, token: token.id };
      // by their clock and ours: only how long counts, whatever either says that it is
      kept = { access, untilMs: startMs + token.lifetimeMs - Math.min(SPARE_MS, token.lifetimeMs / 2) };
      return access;
    },
    forget: (access) => {
      if (kept?.access === access) kept = null;
    },
  };
}

/** Endpoints are written with a version, with one of the v2 series, or without. */
function apiUrl(service: string, endpoint: string): string {
  const base = endpoint.replace(/\/+$/, '').replace(/\/v2(\.\d+)?$/, '');
  if (!URL.canParse(base) || !/^https?:/.test(base))
    throw unusable(service, `its endpoint is no URL: ${JSON.stringify(endpoint)}.`, { fields: { endpoint } });
  return `${base}/v2`;
}
