import { expect, it } from 'vitest';
import { createPurgeTask } from '../../../../src/agent/housekeeping/purge-recycled.ts';
import { collectLog } from '../../../support/served-host.ts';

const never = new AbortController().signal;

it('tells which deleted images went for good, and nothing when none did', async () => {
  const { logger, lines } = collectLog();
  const turns = [[], ['a', 'b']];
  const task = createPurgeTask({ purgeExpired: async () => turns.shift() ?? [], log: logger });
  for (let turn = 0; turn < 3; turn += 1) await task(never);
  expect(lines).toMatchObject([{ level: 'info', imageIds: ['a', 'b'] }]);
});

it('fails where the store does, for the loop to tell', async () => {
  const task = createPurgeTask({
    purgeExpired: async () => Promise.reject(new Error('the store is gone')),
    log: collectLog().logger,
  });
  await expect(task(never)).rejects.toThrow('the store is gone');
});
