import { defineConfig } from 'vitest/config';
import base from '../vitest.config.ts';

const MINUTE_MS = 60_000;
const limitMs = (Number(process.env['DARKROOM_SOAK_MINUTES'] ?? 30) + 15) * MINUTE_MS;

/** Long, and alone: it has its own run. */
export default defineConfig({
  test: {
    ...base.test,
    projects: [
      {
        test: {
          root: base.test?.root ?? '.',
          name: 'soak',
          include: ['test/soak/**/*.test.ts'],
          pool: 'forks',
          testTimeout: limitMs,
          disableConsoleIntercept: true,
        },
      },
    ],
  },
});
