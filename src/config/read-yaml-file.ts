import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { DarkroomError } from '../model/errors.ts';

/** The keys of a YAML file; an empty file has none. INVALID_REQUEST when it cannot be read or holds anything else. */
export function readYamlMapping(file: string): Readonly<Record<string, unknown>> {
  const document = parseYaml(file, readText(file));
  if (document === null || document === undefined) return {};
  if (isMapping(document)) return document;
  throw new DarkroomError('INVALID_REQUEST', `${file} must hold settings as "key: value" lines`, { fields: { file } });
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** Loaded here and not at import: most hosts have no such file. */
function parseYaml(file: string, text: string): unknown {
  const yaml: typeof import('yaml') = createRequire(import.meta.url)('yaml');
  try {
    return yaml.parse(text);
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): DarkroomError {
  const seen = error instanceof Error ? error.message : String(error);
  return new DarkroomError('INVALID_REQUEST', `Cannot read the settings file ${file}: ${seen}`, {
    fields: { file },
    cause: error,
  });
}
