import { DarkroomError } from '../model/errors.ts';

export function parseProperties(texts: readonly string[]): Record<string, string> {
  return parsePairs('property', texts);
}

/** `K=V` texts of an option as an object; a key that comes twice is more likely a slip than a wish. */
export function parsePairs(option: string, texts: readonly string[]): Record<string, string> {
  const pairs = new Map<string, string>();
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at <= 0) throw invalid(option, text, `--${option} '${text}' is not of the form KEY=VALUE`);
    const key = text.slice(0, at);
    if (pairs.has(key)) throw invalid(option, text, `--${option} '${key}' is given more than once`);
    pairs.set(key, text.slice(at + 1));
  }
  return Object.fromEntries(pairs);
}

function invalid(option: string, value: string, message: string): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', `${message}.`, { fields: { field: option, [option]: value } });
}
