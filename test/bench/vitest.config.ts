import { defineConfig } from 'vitest/config';
import base from '../vitest.config.ts';

/** Measurements are no tests: they have their own run, one file after the other, on an otherwise idle machine. */
export default defineConfig({
  test: {
    ...base.test,
    projects: [
      {
        test: {
          root: base.test?.root ?? '.',
          name: 'bench',
          include: ['test/bench/**/*.bench.ts'],
          fileParallelism: false,
          testTimeout: 1_800_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
