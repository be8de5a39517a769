import { describe, expect, it } from 'vitest';
import { createQmpSession, QmpFailed } from '../../../../src/drivers/qemu-img/qmp-session.ts';

function open() {
  const sent: unknown[] = [];
  const session = createQmpSession((text) => {
    expect(text.endsWith('\n')).toBe(true);
    sent.push(JSON.parse(text));
  });
  return { session, sent };
}

describe('a QMP session', () => {
  it('sends one command a line, with an id of its own', () => {
    const { session, sent } = open();
    void session.execute('qmp_capabilities');
    void session.execute('job-dismiss', { id: 'copy' });
    expect(sent).toEqual([
      { execute: 'qmp_capabilities', arguments: {}, id: 1 },
      { execute: 'job-dismiss', arguments: { id: 'copy' }, id: 2 },
    ]);
  });

  it('gives each answer to who asked, whatever comes between', async () => {
    const { session } = open();
    const [first, second] = [session.execute('one'), session.execute('two')];
    session.receive('{"QMP": {"version": {}, "capabilities": ["oob"]}}');
    session.receive('{"return": "second", "id": 2}');
    session.receive('qemu-storage-daemon: warning: something');
    session.receive('{"timestamp": {"seconds": 1}, "event": "JOB_STATUS_CHANGE", "data": {"id": "copy"}}');
    session.receive('{"return": "nobody asked", "id": 9}');
    session.receive('{"return": {"n": 1}, "id": 1}');
    expect(await Promise.all([first, second])).toEqual([{ n: 1 }, 'second']);
  });

  it('fails with what QEMU says', async () => {
    const { session } = open();
    const asked = session.execute('blockdev-backup');
    session.receive('{"error": {"class": "GenericError", "desc": "Bitmap \'b\' could not be found"}, "id": 1}');
    await expect(asked).rejects.toThrow(new QmpFailed("Bitmap 'b' could not be found"));
  });
});
