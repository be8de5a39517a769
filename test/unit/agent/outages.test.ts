import { expect, it } from 'vitest';
import { createOutages } from '../../../src/agent/health/outages.ts';
import { createRememberingLogger } from '../../support/remembering-logger.ts';

it('logs that a store cannot be used, with all that is known, and remembers it', () => {
  const log = createRememberingLogger();
  const outages = createOutages(log);
  const outage = { store: 'ceph', location: 's3://b/p', endpoint: 'http://h:1', reason: 'HTTP 503', forMs: 13_000 };
  expect(outages.last('ceph')).toBeNull();
  outages.tell(outage);
  expect(outages.last('ceph')).toEqual(outage);
  expect(outages.last('other')).toBeNull();
  expect(log.lines).toMatchObject([{ level: 'warn', fields: outage }]);
});
