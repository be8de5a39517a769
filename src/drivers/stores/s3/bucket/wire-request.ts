import { z } from 'zod';
import type { Place } from './wire.ts';

const VISIBLE = /^[\t\x20-\x7e]*$/;
const visible = z.string().regex(VISIBLE);

/** A request of the SDK that is signed already, without a body. */
const signedSchema = z.object({
  protocol: z.enum(['http:', 'https:']),
  hostname: z.string(),
  port: z.number().nullish(),
  method: z.literal('GET'),
  path: z.string().regex(/^\/[\x21-\x7e]*$/),
  query: z.record(z.string(), z.string()).nullish(),
  headers: z.record(visible, visible),
  username: z.undefined().optional(),
  body: z.undefined().optional(),
});

/** Where it goes, and how it is sent (RFC 9112); null for one that is not plain enough. */
export function serialiseRequest(request: unknown): { readonly place: Place; readonly head: string } | null {
  const { success, data } = signedSchema.safeParse(request);
  if (!success) return null;
  const { protocol, hostname, port, path, query, headers } = data;
  const isSecure = protocol === 'https:';
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const place = { isSecure, host, port: port ?? (isSecure ? 443 : 80) };
  const asked = Object.entries(query ?? {}).map(([name, value]) => `${asSigned(name)}=${asSigned(value)}`);
  const target = asked.length === 0 ? path : `${path}?${asked.join('&')}`;
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return { place, head: `GET ${target} HTTP/1.1\r\n${fields.join('')}\r\n` };
}

function asSigned(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
