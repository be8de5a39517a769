import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openStateStore } from '../../src/drivers/state/state-store.ts';
import { describeScheduleBook } from './schedule-book.ts';

describeScheduleBook('the schedules in SQLite', async () => {
  const stateDir = mkdtempSync(path.join(tmpdir(), 'dr-st-schedules-'));
  const [state, another] = [1, 2].map(() => openStateStore({ stateDir, isAlive: () => true }));
  if (state === undefined || another === undefined) throw new Error('both were opened');
  return {
    book: state.schedules,
    other: another.schedules,
    dispose: async () => {
      state.close();
      another.close();
      rmSync(stateDir, { recursive: true });
    },
  };
});
