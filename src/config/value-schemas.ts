import { z } from 'zod';
import { parseSize } from './parse-size.ts';

export const text = z.string().min(1);
export const absolutePath = text.startsWith('/', 'must be an absolute path');

// Environment and command line give everything as text.
export const wholeNumber = z.preprocess(
  (value) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value),
  z.int('must be a whole number').min(0, 'must not be negative'),
);
export const positiveNumber = wholeNumber.refine((value) => value > 0, 'must be at least 1');

export const yesOrNo = z.preprocess(
  (value) => (value === 'true' ? true : value === 'false' ? false : value),
  z.boolean('must be true or false'),
);

export const size = z
  .union([z.string(), z.number()], 'must be a size such as 10GiB, or a number of bytes')
  .transform((value, context) => {
    const bytes = parseSize(String(value));
    if (bytes !== null) return bytes;
    context.addIssue({ code: 'custom', message: 'must be a size such as 10GiB, or a number of bytes' });
    return z.NEVER;
  });

export const pathList = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(':').filter((part) => part !== '') : value),
  z.array(absolutePath),
);

/** `0.0.0.0:8443`, `[::]:8443`, `node1.example:8443`. */
export const listenAddress = text.transform((value, context) => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (match !== null && port > 0 && port < 65536) return { host: match[1] ?? match[2] ?? '', port };
  context.addIssue({ code: 'custom', message: 'must be an address and a port, such as 0.0.0.0:8443' });
  return z.NEVER;
});

/** Where a server listens, without a slash at its end; whom it knows us as stands elsewhere. */
export const serverUrl = z.string('must be a URL such as https://server.example:8080').transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : null;
  const isPlain = url !== null && `${url.search}${url.hash}${url.username}${url.password}` === '';
  if (isPlain && /^https?:$/.test(url.protocol)) return url.href.replace(/\/$/, '');
  context.addIssue({
    code: 'custom',
    message: 'must be a URL such as https://server.example:8080, without a password',
  });
  return z.NEVER;
});

export function choice<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, `must be one of ${words.join(', ')}`);
}
