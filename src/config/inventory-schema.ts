import { z } from 'zod';
import { findNearestWord } from './nearest-word.ts';

const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const filePath = z.string('must be the path of a file').min(1, 'must be the path of a file').nullish();

const agentUrl = z.string('must be a URL such as https://node2:8443').transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url?.pathname === '/' && `${url.search}${url.hash}${url.username}${url.password}` === '';
  if (url !== null && url.protocol === 'https:' && isPlain) return url;
  // The text stays out of the message: it may hold a password.
  context.addIssue({ code: 'custom', message: 'must be a URL such as https://node2:8443, and nothing behind it' });
  return z.NEVER;
});

const hostSchema = z
  .strictObject(
    {
      url: agentUrl,
      ca: filePath,
      certificate: filePath,
      key: filePath,
      token_file: filePath,
    },
    {
      error: (issue) => (issue.code === 'invalid_type' ? 'must hold url, ca, certificate, key, token_file' : undefined),
    },
  )
  .check((context) => {
    const { certificate, key, token_file: token } = context.value;
    const hasCertificate = (certificate ?? null) !== null;
    const complain = (message: string) => context.issues.push({ code: 'custom', input: null, message });
    if (hasCertificate !== ((key ?? null) !== null)) complain('certificate and key are needed together');
    else if (!hasCertificate && (token ?? null) === null) complain('needs certificate and key, or token_file, or all');
  });

const HOST_KEYS = Object.keys(hostSchema.shape);

/** The section `hosts:` of a settings file. */
export const hostsSchema = z.record(
  z.string().regex(HOST_NAME, 'must be 1 to 64 of the characters A-Z a-z 0-9 . _ -'),
  hostSchema,
  { error: (issue) => (issue.code === 'invalid_type' ? 'must hold hosts as "name: { url: … }"' : undefined) },
);

/** What is wrong first, and with which key of the section. */
export function describeIssue(error: z.ZodError): { readonly path: readonly string[]; readonly complaint: string } {
  const [issue] = error.issues;
  const path = (issue?.path ?? []).map(String);
  if (issue?.code === 'invalid_key') return { path, complaint: issue.issues[0]?.message ?? 'is wrong' };
  if (issue?.code !== 'unrecognized_keys') return { path, complaint: issue?.message ?? 'is wrong' };
  const key = issue.keys[0] ?? '';
  return { path: [...path, key], complaint: unknownKey(key) };
}

function unknownKey(key: string): string {
  const nearest = findNearestWord(key, HOST_KEYS);
  return nearest === null
    ? `is not known; known are ${HOST_KEYS.join(', ')}`
    : `is not known; did you mean ${nearest}?`;
}
