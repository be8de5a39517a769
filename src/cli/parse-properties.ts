import { DarkroomError } from '../model/errors.ts';

/** `K=V` texts as an object; a key that comes twice is more likely a slip than a wish. */
export function parseProperties(texts: readonly string[]): Record<string, string> {
  const properties = new Map<string, string>();
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at <= 0) throw invalid(text, `--property '${text}' is not of the form KEY=VALUE`);
    const key = text.slice(0, at);
    if (properties.has(key)) throw invalid(text, `--property '${key}' is given more than once`);
    properties.set(key, text.slice(at + 1));
  }
  return Object.fromEntries(properties);
}

function invalid(property: string, message: string): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', `${message}.`, { fields: { field: 'property', property } });
}
