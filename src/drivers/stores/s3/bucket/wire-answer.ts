/** What is asked for: so many bytes, from there. */
export interface ByteRange {
  readonly firstByte: number;
  readonly lengthBytes: number;
}

export interface RangeAnswer {
  /** Where its body begins, in what was given. */
  readonly bodyAt: number;
  /** The server closes the connection after it. */
  readonly isLast: boolean;
}

/**
 * The head of an answer that is exactly that range, as it is, in one piece (RFC 9110, 15.3.7; RFC 9112, 6.3). 'incomplete': more has to
 * come; 'other': any other answer.
 */
export function parseRangeAnswer(head: Buffer, range: ByteRange): RangeAnswer | 'incomplete' | 'other' {
  const end = head.indexOf('\r\n\r\n');
  if (end < 0) return 'incomplete';
  const [status = '', ...lines] = head.toString('latin1', 0, end).split('\r\n');
  const fields = readFields(lines);
  if (!/^HTTP\/1\.1 206( |$)/.test(status) || fields === null || fields.has('transfer-encoding')) return 'other';
  const { firstByte, lengthBytes } = range;
  if (fields.get('content-length') !== String(lengthBytes)) return 'other';
  if (fields.get('content-range')?.startsWith(`bytes ${firstByte}-${firstByte + lengthBytes - 1}/`) !== true)
    return 'other';
  return { bodyAt: end + 4, isLast: /\bclose\b/i.test(fields.get('connection') ?? '') };
}

/** By name in lower case; null where a line is none. What is there twice is told apart from what is there once. */
function readFields(lines: readonly string[]): ReadonlyMap<string, string> | null {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return null;
    const key = name.toLowerCase();
    const earlier = fields.get(key);
    fields.set(key, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return fields;
}
