import { DarkroomError } from '../model/errors.ts';

const PREFIX = 'glance:';

/** `lab` of `glance:lab`. INVALID_REQUEST for everything else: where an image goes must be told without a doubt. */
export function parseServiceName(what: string, text: string): string {
  if (text.startsWith(PREFIX) && text.length > PREFIX.length) return text.slice(PREFIX.length);
  const message = `${what} '${text}' is not glance:NAME, with NAME as in the section 'glance:' of the settings.`;
  throw new DarkroomError('INVALID_REQUEST', message, { fields: { field: what, seen: text } });
}
