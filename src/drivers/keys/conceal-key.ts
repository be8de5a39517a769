import { inspect } from 'node:util';
import type { DiskKey } from '../../model/ports/key-source.ts';

const SHOWN = '[key]';

/** A key that a log, JSON, a template string or console.log shows as `[key]`. */
export function concealKey(key: string): DiskKey {
  const concealed = { reveal: () => key, toString: () => SHOWN, toJSON: () => SHOWN, [inspect.custom]: () => SHOWN };
  return Object.freeze(concealed);
}
