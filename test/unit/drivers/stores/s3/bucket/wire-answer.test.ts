import { describe, expect, it } from 'vitest';
import { parseRangeAnswer } from '../../../../../../src/drivers/stores/s3/bucket/wire-answer.ts';

const RANGE = { firstByte: 100, lengthBytes: 50 };
const FIELDS = ['Content-Length: 50', 'content-range: bytes 100-149/1000', 'etag: "e"'];

function parse(fields: readonly string[], status = 'HTTP/1.1 206 Partial Content') {
  return parseRangeAnswer(Buffer.from(`${[status, ...fields].join('\r\n')}\r\n\r\nbody`), RANGE);
}

describe('the head of an answer', () => {
  it('tells where the body begins, when it is the range that was asked for', () => {
    const head = ['HTTP/1.1 206 Partial Content', ...FIELDS].join('\r\n').length;
    expect(parse(FIELDS)).toEqual({ bodyAt: head + 4, isLast: false });
    expect(parse([...FIELDS, 'Connection: Close'])).toMatchObject({ isLast: true });
    expect(parse([...FIELDS, 'Connection: Keep-Alive'])).toMatchObject({ isLast: false });
    expect(parse(FIELDS, 'HTTP/1.1 206')).toMatchObject({ isLast: false });
  });

  it('is waited for until it is whole', () => {
    const whole = `HTTP/1.1 206 Partial Content\r\n${FIELDS.join('\r\n')}\r\n\r\n`;
    for (let length = 0; length < whole.length; length++) {
      expect(parseRangeAnswer(Buffer.from(whole.slice(0, length)), RANGE)).toBe('incomplete');
    }
  });

  it.each([
    ['another status', FIELDS, 'HTTP/1.1 200 OK'],
    ['an error', FIELDS, 'HTTP/1.1 503 Slow Down'],
    ['another version', FIELDS, 'HTTP/1.0 206 Partial Content'],
    ['something that goes before', FIELDS, 'HTTP/1.1 100 Continue'],
    ['no length', FIELDS.slice(1), undefined],
    ['another length', ['content-length: 49', ...FIELDS.slice(1)], undefined],
    ['two lengths', ['content-length: 50', ...FIELDS], undefined],
    ['no range', [FIELDS[0] ?? ''], undefined],
    ['another range', [FIELDS[0] ?? '', 'content-range: bytes 1001-1050/2000'], undefined],
    ['a range that ends elsewhere', [FIELDS[0] ?? '', 'content-range: bytes 100-1490/2000'], undefined],
    ['pieces', [...FIELDS, 'transfer-encoding: chunked'], undefined],
    ['a line that is no field', [...FIELDS, ' folded'], undefined],
  ])('is another with %s', (_what, fields, status) => {
    expect(parse(fields, status)).toBe('other');
  });
});
