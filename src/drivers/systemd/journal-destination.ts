import { fstatSync, writeSync } from 'node:fs';
import { sendDatagram } from './datagram.ts';
import { encodeJournalEntry, toJournalFields } from './journal-entry.ts';

const JOURNAL_SOCKET = '/run/systemd/journal/socket';
const STANDARD_ERROR = 2;

/** True when `fd` leads to the journal: JOURNAL_STREAM of systemd.exec(5) names its device and inode. */
export function leadsToJournal(environment: Readonly<Record<string, string | undefined>>, fd: number): boolean {
  const stream = environment['JOURNAL_STREAM'];
  if (stream === undefined || stream === '') return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/**
 * Takes lines of JSON and gives them to journald with their fields. What journald does not take (it is being restarted,
 * the entry is too long for one datagram) goes to standard error as it is, where it is kept as a line of text.
 */
export function createJournalDestination(socket: string = JOURNAL_SOCKET): { write(line: string): void } {
  return {
    write: (line) => {
      if (!sendDatagram(socket, encodeJournalEntry(toJournalFields(JSON.parse(line))))) writeLine(line);
    },
  };
}

function writeLine(line: string): void {
  try {
    writeSync(STANDARD_ERROR, line);
  } catch {
    // nobody is left to tell
  }
}
