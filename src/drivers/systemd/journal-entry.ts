/**
 * An entry of journald in its native protocol: fields one after the other, `NAME=value` and a newline, or where the
 * value holds a newline NAME, newline, its length as a 64-bit little-endian number, the value and a newline.
 * https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
 */
export function encodeJournalEntry(fields: ReadonlyMap<string, string>): Uint8Array {
  return Buffer.concat([...fields].map(([name, value]) => encodeField(name, value)));
}

function encodeField(name: string, value: string): Buffer {
  if (!value.includes('\n')) return Buffer.from(`${name}=${value}\n`);
  const content = Buffer.from(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(content.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, content, Buffer.from('\n')]);
}

/** Priorities of syslog(3). */
const PRIORITIES: Readonly<Record<string, string>> = { debug: '7', info: '6', warn: '4', error: '3' };
/** What the journal has itself, or has another name for. */
const OWN_FIELDS: ReadonlySet<string> = new Set(['level', 'time', 'msg']);
/** Fields that operators ask for by name; every other one is DARKROOM_…. */
const PLAIN_FIELDS: ReadonlySet<string> = new Set(['OPERATION_ID', 'INSTANCE_ID', 'IMAGE_ID', 'CODE']);

/** What a line of our log is in the journal; what is null is not there. systemd.journal-fields(7) */
export function toJournalFields(line: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const facts = Object.entries(line).filter(
    ([name, value]) => !OWN_FIELDS.has(name) && value !== undefined && value !== null,
  );
  return new Map([
    ['MESSAGE', [String(line['msg'] ?? ''), ...facts.flatMap(mention)].join(' ')],
    ['PRIORITY', PRIORITIES[String(line['level'])] ?? '6'],
    ['SYSLOG_IDENTIFIER', 'darkroom'],
    ...facts.map(([name, value]): [string, string] => [fieldName(name), asText(value)]),
  ]);
}

/** `instanceId` -> INSTANCE_ID, `sizeBytes` -> DARKROOM_SIZE_BYTES. journald takes capitals, digits and underscores. */
function fieldName(name: string): string {
  const snake = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_/, '')
    .toUpperCase();
  return PLAIN_FIELDS.has(snake) ? snake : `DARKROOM_${snake}`.slice(0, MAX_NAME_LENGTH);
}

const MAX_NAME_LENGTH = 64;
const MAX_MENTION_LENGTH = 300;

/** `journalctl` shows the message alone: short facts stand in it too. */
function mention([name, value]: readonly [string, unknown]): readonly string[] {
  const text = asText(value);
  const isShort = typeof value !== 'object' && text.length <= MAX_MENTION_LENGTH;
  if (!isShort || text.includes('\n')) return [];
  return [`${name}=${/^[\w./:@+-]+$/.test(text) ? text : JSON.stringify(text)}`];
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
