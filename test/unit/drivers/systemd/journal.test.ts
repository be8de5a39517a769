import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createJournalDestination, leadsToJournal } from '../../../../src/drivers/systemd/journal-destination.ts';
import { encodeJournalEntry, toJournalFields } from '../../../../src/drivers/systemd/journal-entry.ts';
import { createLogger } from '../../../../src/lib/logger.ts';
import { listenForDatagrams } from '../../../support/datagram-listener.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'dr-sysd-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** As journald reads its native protocol. */
function decodeEntry(entry: Buffer): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at < entry.length; ) {
    const end = entry.indexOf('\n', at);
    const line = entry.subarray(at, end).toString();
    const equals = line.indexOf('=');
    if (equals >= 0) {
      fields[line.slice(0, equals)] = line.slice(equals + 1);
      at = end + 1;
      continue;
    }
    const length = Number(entry.readBigUInt64LE(end + 1));
    fields[line] = entry.subarray(end + 9, end + 9 + length).toString();
    at = end + 9 + length + 1;
  }
  return fields;
}

describe('a line of the log in the journal', () => {
  it('has fields under the names that operators ask for, and its short facts in the message', () => {
    const line = { level: 'warn', time: 'now', msg: 'copy is slow', operationId: 'o-1', imageId: 'i 2', sizeBytes: 5 };
    expect(Object.fromEntries(toJournalFields(line))).toEqual({
      MESSAGE: 'copy is slow operationId=o-1 imageId="i 2" sizeBytes=5',
      PRIORITY: '4',
      SYSLOG_IDENTIFIER: 'darkroom',
      OPERATION_ID: 'o-1',
      IMAGE_ID: 'i 2',
      DARKROOM_SIZE_BYTES: '5',
    });
  });

  it('has nothing of what is not known', () => {
    const fields = toJournalFields({
      level: 'info',
      msg: 'asked',
      operationId: null,
      errorCode: null,
      httpStatus: 200,
    });
    expect([...fields.keys()]).toEqual(['MESSAGE', 'PRIORITY', 'SYSLOG_IDENTIFIER', 'DARKROOM_HTTP_STATUS']);
    expect(fields.get('MESSAGE')).toBe('asked httpStatus=200');
  });

  it('keeps what is long or nested out of the message, and whole in its field', () => {
    const stack = 'Error: x\n  at y';
    const fields = toJournalFields({ level: 'error', msg: 'failed', code: 'NO_SPACE', stack, seen: { a: [1] } });
    expect(Object.fromEntries(fields)).toMatchObject({
      MESSAGE: 'failed code=NO_SPACE',
      PRIORITY: '3',
      CODE: 'NO_SPACE',
      DARKROOM_STACK: stack,
      DARKROOM_SEEN: '{"a":[1]}',
    });
  });

  it.each([
    ['_private', 'DARKROOM_PRIVATE'],
    ['3things', 'DARKROOM_3THINGS'],
    ['a.b-c', 'DARKROOM_A_B_C'],
  ])('calls the field %s %s, which journald takes', (name, expected) => {
    expect([...toJournalFields({ msg: '', [name]: 'x' }).keys()]).toContain(expected);
  });

  it('survives its encoding, line breaks and all', () => {
    const fields = { MESSAGE: 'ä=b', DARKROOM_STACK: 'one\ntwo=2\n', EMPTY: '' };
    expect(decodeEntry(Buffer.from(encodeJournalEntry(new Map(Object.entries(fields)))))).toEqual(fields);
  });

  it('cannot smuggle in a field of another name through its message', () => {
    const entry = encodeJournalEntry(toJournalFields({ level: 'info', msg: 'x\n_UID=0\nMESSAGE=y' }));
    expect(decodeEntry(Buffer.from(entry))).toEqual({
      MESSAGE: 'x\n_UID=0\nMESSAGE=y',
      PRIORITY: '6',
      SYSLOG_IDENTIFIER: 'darkroom',
    });
  });
});

describe('the journal as a destination', () => {
  it('gets what a logger writes, without its secrets', () => {
    const address = path.join(folder, 'journal');
    using journald = listenForDatagrams(address);
    const log = createLogger({ level: 'info', isPretty: false, destination: createJournalDestination(address) });
    log.child({ operationId: 'o-1' }).error({ code: 'COPY_FAILED', token: 'hunter2' }, 'operation failed');
    journald.read();
    const [entry] = journald.received.map(decodeEntry);
    expect(entry).toMatchObject({ PRIORITY: '3', OPERATION_ID: 'o-1', CODE: 'COPY_FAILED' });
    expect(JSON.stringify(entry)).not.toContain('hunter2');
  });

  it('is told apart from a standard error that leads elsewhere', () => {
    const fd = openSync(path.join(folder, 'stderr'), 'w');
    const { dev, ino } = fstatSync(fd);
    expect(leadsToJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, fd)).toBe(true);
    expect(leadsToJournal({ JOURNAL_STREAM: `${dev}:${ino + 1}` }, fd)).toBe(false);
    expect(leadsToJournal({ JOURNAL_STREAM: '' }, fd)).toBe(false);
    expect(leadsToJournal({}, fd)).toBe(false);
    closeSync(fd);
    expect(leadsToJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, 987_654)).toBe(false);
  });
});
