import path from 'node:path';
import { DarkroomError } from '../model/errors.ts';
import { GLANCE } from './glance-schema.ts';
import { findNearestWord } from './nearest-word.ts';
import { isMapping } from './read-yaml-file.ts';
import { isSettingKey, PATH_KEYS, SETTING_KEYS, SETTINGS, type SettingKey } from './settings-schema.ts';
import { STORES } from './stores-schema.ts';

/** A value as it was found, and where, in words for an error message. */
export interface FoundSetting {
  readonly value: unknown;
  readonly origin: string;
  /** Others are from where somebody is: relative paths mean something there. */
  readonly isFromFile: boolean;
}

/** A section of the file that is no setting of this host: who else there is. Read by inventory.ts. */
export const HOSTS_SECTION = 'hosts';

/** Sections of things that have names. */
const NAMED_SECTIONS: readonly string[] = [HOSTS_SECTION, STORES.name, GLANCE.name];

export type FoundSettings = ReadonlyMap<SettingKey, FoundSetting>;

/** Options of the command line that are settings too; absent ones are not given. */
export interface SettingFlags {
  readonly connect?: string | undefined;
  readonly stateDir?: string | undefined;
  readonly store?: string | undefined;
  readonly socket?: string | undefined;
  readonly listen?: string | undefined;
  readonly logLevel?: string | undefined;
}

const FLAG_KEYS = [
  ['connect', 'connect', '--connect'],
  ['stateDir', 'state_dir', '--state-dir'],
  ['store', 'store', '--store'],
  ['socket', 'socket', '--socket'],
  ['listen', 'listen', '--listen'],
  ['logLevel', 'log_level', '--log-level'],
] as const;

export function readFlags(flags: SettingFlags): FoundSettings {
  const found = new Map<SettingKey, FoundSetting>();
  for (const [flag, key, origin] of FLAG_KEYS) {
    const value = flags[flag];
    if (value !== undefined) found.set(key, { value: fromHere(key, value), origin, isFromFile: false });
  }
  return found;
}

/** An empty variable counts as one that is not set. */
export function readEnvironment(env: NodeJS.ProcessEnv): FoundSettings {
  const found = new Map<SettingKey, FoundSetting>();
  for (const key of SETTING_KEYS) {
    const name = SETTINGS[key].env;
    const value = env[name];
    if (value !== undefined && value !== '') {
      found.set(key, { value: fromHere(key, value), origin: name, isFromFile: false });
    }
  }
  return found;
}

/** What other tools for S3 go by; the last wins. */
const FOREIGN_VARIABLES = [
  ['AWS_ENDPOINT_URL', 's3.endpoint'],
  ['AWS_ENDPOINT_URL_S3', 's3.endpoint'],
  ['AWS_DEFAULT_REGION', 's3.region'],
  ['AWS_REGION', 's3.region'],
] as const;

/** Of the environment too, and weaker than all of the others. */
export function readForeignEnvironment(env: NodeJS.ProcessEnv): FoundSettings {
  const found = new Map<SettingKey, FoundSetting>();
  for (const [name, key] of FOREIGN_VARIABLES) {
    const value = env[name];
    if (value !== undefined && value !== '') found.set(key, { value, origin: name, isFromFile: false });
  }
  return found;
}

/** Of the document in a file. INVALID_REQUEST for a key that is not known. */
export function readSettingsFile(file: string, document: Readonly<Record<string, unknown>>): FoundSettings {
  const found = new Map<SettingKey, FoundSetting>();
  for (const [key, value] of flatten(document)) {
    if (!isSettingKey(key)) throw unknownKey(file, key);
    // `key:` with nothing behind it leaves the default.
    if (value !== null) found.set(key, { value, origin: `${file}: ${key}`, isFromFile: true });
  }
  return found;
}

function fromHere(key: SettingKey, value: string): string {
  return PATH_KEYS.has(key) && value !== '' ? path.resolve(value) : value;
}

function flatten(document: Readonly<Record<string, unknown>>): readonly (readonly [string, unknown])[] {
  const entries = Object.entries(document).filter(([key]) => !NAMED_SECTIONS.includes(key));
  return entries.flatMap(([key, value]) => {
    if (isMapping(value)) return Object.entries(value).map(([inner, leaf]) => [`${key}.${inner}`, leaf] as const);
    return isSection(key) && value === null ? [] : [[key, value] as const];
  });
}

function isSection(key: string): boolean {
  return SETTING_KEYS.some((known) => known.startsWith(`${key}.`));
}

function unknownKey(file: string, key: string): DarkroomError {
  const known = [...SETTING_KEYS, ...NAMED_SECTIONS];
  const nearest = findNearestWord(key, known);
  const hint = nearest === null ? `known are ${known.join(', ')}` : `did you mean ${nearest}?`;
  return new DarkroomError('INVALID_REQUEST', `${file} has an unknown setting ${key}: ${hint}`, {
    fields: { file, key },
  });
}
