import { createFakeScheduleBook } from '../support/fake-schedule-book.ts';
import { describeScheduleBook } from './schedule-book.ts';

describeScheduleBook('the schedules in memory, for tests of use cases', async () => {
  const book = createFakeScheduleBook();
  return { book, other: book, dispose: async () => undefined };
});
