import { DarkroomError, type ErrorCode } from '../model/errors.ts';

export const API_ROOT = '/v1';

type Noun =
  | 'images'
  | 'recycled-images'
  | 'instances'
  | 'volumes'
  | 'snapshots'
  | 'operations'
  | 'principals'
  | 'backups'
  | 'schedules'
  | 'stores';

const NOT_FOUND: Readonly<Record<Noun, ErrorCode>> = {
  images: 'IMAGE_NOT_FOUND',
  'recycled-images': 'IMAGE_NOT_FOUND',
  instances: 'INSTANCE_NOT_FOUND',
  volumes: 'VOLUME_NOT_FOUND',
  snapshots: 'SNAPSHOT_NOT_FOUND',
  operations: 'OPERATION_NOT_FOUND',
  principals: 'PRINCIPAL_NOT_FOUND',
  backups: 'IMAGE_NOT_FOUND',
  schedules: 'SCHEDULE_NOT_FOUND',
  stores: 'STORE_NOT_FOUND',
};

export type Query = Readonly<Record<string, string | number | undefined>>;

export function collectionPath(noun: Noun, query: Query = {}): string {
  return `${API_ROOT}/${noun}${encodeQuery(query)}`;
}

export interface ItemPart {
  readonly verb?: string;
  /** Which one of those that the verb names. */
  readonly name?: string;
  readonly query?: Query;
}

/** Path of one thing, of a verb on it, or of a named part of it. */
export function itemPath(noun: Noun, reference: string, { verb, name, query = {} }: ItemPart = {}): string {
  for (const part of name === undefined ? [reference] : [reference, name]) assertAddressable(noun, part);
  const parts = [encodeURIComponent(reference), verb, name === undefined ? undefined : encodeURIComponent(name)];
  return `${API_ROOT}/${noun}/${parts.filter((part) => part !== undefined).join('/')}${encodeQuery(query)}`;
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
