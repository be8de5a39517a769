import { z } from 'zod';
import { sectionName } from './section-schema.ts';

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

export const HOST_KEYS: readonly string[] = Object.keys(hostSchema.shape);

/** The section `hosts:` of a settings file. */
export const hostsSchema = z.record(sectionName, hostSchema, {
  error: (issue) => (issue.code === 'invalid_type' ? 'must hold hosts as "name: { url: … }"' : undefined),
});
