import { existsSync } from 'node:fs';
import path from 'node:path';
import { DarkroomError } from '../model/errors.ts';
import type { S3Access } from '../model/store-access.ts';
import { isS3Url, parseS3Url } from '../model/store-location.ts';
import type { FoundSetting } from './setting-sources.ts';
import type { Settings, StoreSettings } from './settings.ts';
import { NAMELESS } from './stores-schema.ts';

type FoundStore = FoundSetting & { readonly value: string };

export interface StoreSources {
  /** The setting `store`; null: nobody set it. */
  readonly wanted: FoundStore | null;
  /** Where the default store is that nobody set. */
  readonly fallback: string;
  readonly named: readonly StoreSettings[];
}

/** All stores, the default first. INVALID_REQUEST names the option, variable or file and what was seen. */
export function listStores({ wanted, fallback, named }: StoreSources, s3: S3Access): Settings['stores'] {
  const chosen = wanted === null ? fallback : chooseStore(wanted, named);
  const location = typeof chosen === 'string' ? chosen : chosen.location;
  const own = typeof chosen === 'string' ? named.find((store) => store.location === location) : chosen;
  if (own !== undefined) return [own, ...named.filter((store) => store !== own)];
  return [{ name: NAMELESS, location, s3: isS3Url(location) ? s3 : null }, ...named];
}

/** One of those that have names, or the location of one that has none. */
function chooseStore(wanted: FoundStore, named: readonly StoreSettings[]) {
  const { value, isFromFile } = wanted;
  if (path.isAbsolute(value)) return path.resolve(value);
  if (isS3Url(value)) return readUrl(wanted);
  const found = named.find(({ name }) => name === value);
  if (found !== undefined) return found;
  if (isFromFile) throw refuse(wanted, `must be an absolute path, s3://bucket/prefix or ${aName(named)}`);
  if (looksLikePath(value) || named.length === 0 || existsSync(value)) return path.resolve(value);
  throw refuse(wanted, `must be ${aName(named)}, s3://bucket/prefix, or a folder (a new one here is ./${value})`);
}

function looksLikePath(text: string): boolean {
  return text.includes('/') || text.startsWith('.');
}

function aName(named: readonly StoreSettings[]): string {
  const names = named.map(({ name }) => name).join(', ');
  return names === '' ? "the name of an entry of 'stores:', where there is none" : `the name of a store (${names})`;
}

function readUrl(wanted: FoundStore): string {
  const parsed = parseS3Url(wanted.value);
  if ('location' in parsed) return parsed.location;
  throw refuse(wanted, parsed.complaint);
}

function refuse({ origin, value }: FoundStore, complaint: string): DarkroomError {
  const seen = JSON.stringify(value);
  const fields = { key: 'store', origin, seen };
  return new DarkroomError('INVALID_REQUEST', `${origin}: ${complaint}; seen: ${seen}`, { fields });
}
