import { DarkroomError, type ErrorCode } from '../model/errors.ts';

export const API_ROOT = '/v1';

type Noun =
  | 'images'
  | 'recycled-images'
  | 'instances'
  | 'volumes'
  | 'operations'
  | 'principals'
  | 'backups'
  | 'schedules';

const NOT_FOUND: Readonly<Record<Noun, ErrorCode>> = {
  images: 'IMAGE_NOT_FOUND',
  'recycled-images': 'IMAGE_NOT_FOUND',
  instances: 'INSTANCE_NOT_FOUND',
  volumes: 'VOLUME_NOT_FOUND',
  operations: 'OPERATION_NOT_FOUND',
  principals: 'PRINCIPAL_NOT_FOUND',
  backups: 'IMAGE_NOT_FOUND',
  schedules: 'SCHEDULE_NOT_FOUND',
};

export type Query = Readonly<Record<string, string | number | undefined>>;

export function collectionPath(noun: Noun, query: Query = {}): string {
  return `${API_ROOT}/${noun}${encodeQuery(query)}`;
}

/** Path of one thing, or of a verb on it. */
export function itemPath(noun: Noun, reference: string, rest: { verb?: string; query?: Query } = {}): string {
  assertAddressable(noun, reference);
  const verb = rest.verb === undefined ? '' : `/${rest.verb}`;
  return `${API_ROOT}/${noun}/${encodeURIComponent(reference)}${verb}${encodeQuery(rest.query ?? {})}`;
}

/** A URL cannot hold these as a part of its path, and nothing is called so. */
function assertAddressable(noun: Noun, reference: string): void {
  if (reference === '') throw new DarkroomError('INVALID_REQUEST', 'A name or an id must not be empty.');
  if (/\p{Cs}/u.test(reference)) throw new DarkroomError('INVALID_REQUEST', 'A name holds broken Unicode.');
  if (reference !== '.' && reference !== '..') return;
  throw new DarkroomError(NOT_FOUND[noun], `Nothing among ${noun} is called '${reference}'.`, {
    fields: { reference },
  });
}

export function encodeQuery(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(key, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
