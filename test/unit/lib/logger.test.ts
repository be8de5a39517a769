import { expect, it } from 'vitest';
import { createLogger, type LogLevel } from '../../../src/lib/logger.ts';

function capture(options: { level?: LogLevel; isPretty?: boolean } = {}) {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLogger({ level: options.level ?? 'info', isPretty: options.isPretty ?? false, destination });
  return { log, lines, documents: () => lines.map((line): unknown => JSON.parse(line)) };
}

it('writes one JSON document a line with level, time, fields and message', () => {
  const { log, documents } = capture();
  log.info({ imageId: 'a', sizeBytes: 5 }, 'image published');
  expect(documents()).toEqual([
    { level: 'info', time: expect.stringMatching(/^\d{4}-.*Z$/), imageId: 'a', sizeBytes: 5, msg: 'image published' },
  ]);
});

it('adds the fields of all its parents to the lines of a child', () => {
  const { log, documents } = capture();
  log.child({ operationId: 'o' }).child({ instanceId: 'i' }).warn({}, 'slow');
  expect(documents()).toMatchObject([{ operationId: 'o', instanceId: 'i', level: 'warn' }]);
});

it('leaves out what is below its level', () => {
  const { log, lines } = capture({ level: 'warn' });
  log.info({}, 'not this');
  log.error({}, 'this');
  expect(lines).toHaveLength(1);
});

it('says nothing at all when silent', () => {
  const { log, lines } = capture({ level: 'silent' });
  log.error({}, 'nothing');
  expect(lines).toEqual([]);
});

it.each(['password', 'graphicsPasswd', 'secretValue', 'apiToken', 'authorization', 'userData', 'private_key'])(
  'never shows the field %s, at any depth or in a child',
  (name) => {
    const { log, lines } = capture();
    log.child({ [name]: 'hunter2' }).info({ [name]: 'hunter2', deep: [{ er: { [name]: { x: 'hunter2' } } }] }, 'hello');
    expect(lines.join('')).not.toContain('hunter2');
    expect(lines.join('')).toContain('[redacted]');
  },
);

it('shows errors with code, message, stack and cause, and without their secrets', () => {
  const { log, documents } = capture();
  const error = Object.assign(new Error('outer', { cause: new TypeError('inner') }), {
    code: 'NO_SPACE',
    token: 'hunter2',
  });
  log.error({ err: error, error }, 'failed');
  const shown = {
    code: 'NO_SPACE',
    type: 'Error',
    message: 'outer',
    stack: expect.stringContaining('logger.test'),
    token: '[redacted]',
    cause: { type: 'TypeError', message: 'inner', stack: expect.any(String) },
  };
  expect(documents()).toMatchObject([{ err: shown, error: shown }]);
});

it('survives fields that refer to themselves', () => {
  const { log, lines } = capture();
  const fields: Record<string, unknown> = {};
  fields['self'] = fields;
  log.info(fields, 'round');
  expect(lines.join('')).toContain('[too deep]');
});

it('writes plain readable lines for people', () => {
  const { log, lines } = capture({ isPretty: true });
  log.warn({ imageId: 'a' }, 'image kept');
  expect(lines.join('')).toMatch(/^\[\d\d:\d\d:\d\d\] WARN: image kept\n {4}imageId: "a"\n$/);
});
