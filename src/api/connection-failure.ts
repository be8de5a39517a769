/** Code of a failed connection: errno, TLS or OpenSSL; '' when it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

const CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
]);

const PLAIN_WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  EACCES: 'permission denied',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ENOTFOUND: 'its name is not known here',
  EAI_AGAIN: 'its name cannot be looked up now',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; compare the clocks',
  CERT_REVOKED: 'its certificate was revoked',
  INVALID_PURPOSE: 'its certificate is not one for servers',
  HPE_INVALID_CONSTANT: 'what listens there does not speak HTTP',
};

const NO_TLS = 'what listens there does not speak TLS';
const OLD_TLS = 'it speaks no TLS of version 1.2 or later';
/** By OpenSSL's own words. */
const TLS_WORDS: Readonly<Record<string, string>> = {
  'wrong version number': NO_TLS,
  'packet length too long': NO_TLS,
  'unsupported protocol': OLD_TLS,
  'tlsv1 alert protocol version': OLD_TLS,
  'tlsv1 alert unknown ca': 'it does not know who signed our client certificate',
  'tlsv13 alert certificate required': 'it wants a client certificate',
};

/** What went wrong, in words; `ca` is the file that the agent's certificate was held against. */
export function describeConnectionFailure(error: unknown, { ca }: { readonly ca: string | null }): string {
  const code = codeOf(error);
  if (CERTIFICATE_CODES.has(code)) {
    return ca === null
      ? 'its certificate is not signed by anybody whom this system trusts (name its CA as ca in the inventory)'
      : `its certificate is not signed by ${ca}`;
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `its certificate is for another name: ${namesOf(error)}`;
  if (isDeadline(error)) return 'no answer in time';
  const tls = tlsReasonOf(error);
  if (tls !== null) return TLS_WORDS[tls] ?? `TLS failed: ${tls}`;
  const words = PLAIN_WORDS[code];
  const seen = error instanceof Error && error.message !== '' ? error.message : String(error);
  return words === undefined ? seen : `${words} (${code})`;
}

/** As the code has it (ERR_SSL_WRONG_VERSION_NUMBER), or else the text (…:SSL routines:…:wrong version number:…). */
function tlsReasonOf(error: unknown): string | null {
  const [, named] = /^ERR_SSL_(\w+)$/.exec(codeOf(error)) ?? [];
  if (named !== undefined) return named.toLowerCase().replaceAll('_', ' ');
  const [, told] = /:SSL routines:[^:]*:([^:]+):/.exec(error instanceof Error ? error.message : '') ?? [];
  return told ?? null;
}

/** Whom a certificate is for, as it says itself. */
function namesOf(error: unknown): string {
  if (!(error instanceof Error) || !('cert' in error)) return 'unknown';
  const { cert } = error;
  if (typeof cert !== 'object' || cert === null || !('subjectaltname' in cert)) return 'none is in it';
  return typeof cert.subjectaltname === 'string' ? cert.subjectaltname : 'none is in it';
}

/** Of an AbortSignal.timeout(). */
function isDeadline(error: unknown): boolean {
  if (codeOf(error) !== 'ABORT_ERR' || !(error instanceof Error)) return false;
  return error.cause instanceof Error && error.cause.name === 'TimeoutError';
}
