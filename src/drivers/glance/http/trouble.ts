/** A request that got no answer, or one that says to come again: may go well next time. */
export class Trouble extends Error {
  override readonly name = 'Trouble';
  /** What the service asked for (Retry-After); null: nothing. */
  readonly retryAfterMs: number | null;

  constructor(message: string, options: { readonly retryAfterMs?: number | null; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/** No connection that will ever be one: a name that nobody knows, a certificate that is not believed. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

const NETWORK_CODES: ReadonlySet<string> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN'],
  ...['EAI_AGAIN', 'ERR_STREAM_PREMATURE_CLOSE', 'HPE_INVALID_EOF_STATE', 'HPE_CLOSED_CONNECTION'],
]);
const NAME_CODES: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_NONAME', 'EAI_FAIL']);

/** What an error of node:http means; those of files and of programming come back as they are. */
export function explainNetworkError(error: unknown): unknown {
  const code = codeOf(error);
  if (!(error instanceof Error) || error instanceof Trouble || code === null) return error;
  // where a host has several addresses, Node's error says nothing but its code
  const seen = error.message === '' ? code : error.message;
  if (NETWORK_CODES.has(code)) return new Trouble(seen, { cause: error });
  if (NAME_CODES.has(code)) return new Unreachable(seen, { cause: error });
  if (/CERT|VERIFY|HOSTNAME|SELF_SIGNED|^ERR_TLS|^ERR_SSL|^EPROTO$|ISSUER|^HPE_/.test(code))
    return new Unreachable(`${seen} (${code})`, { cause: error });
  return error;
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
