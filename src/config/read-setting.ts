import { DarkroomError } from '../model/errors.ts';
import type { FoundSettings } from './setting-sources.ts';
import { type SettingKey, type SettingValues, schemaOf } from './settings-schema.ts';

/** What was found of a setting, as its schema has it. INVALID_REQUEST names the origin, the key and what was seen. */
export function readSetting<Key extends SettingKey>(found: FoundSettings, key: Key): SettingValues[Key] | undefined {
  const setting = found.get(key);
  if (setting === undefined) return undefined;
  const parsed = schemaOf(key).safeParse(setting.value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const seen = withoutPassword(JSON.stringify(setting.value));
  const message = `${setting.origin}: ${issue?.message ?? 'is wrong'}; seen: ${seen}`;
  throw new DarkroomError('INVALID_REQUEST', message, {
    fields: { key, origin: setting.origin, seen },
    cause: parsed.error,
  });
}

/** A URL may hold one. */
function withoutPassword(seen: string): string {
  return seen.replace(/\/\/[^/@]*@/, '//…@');
}
