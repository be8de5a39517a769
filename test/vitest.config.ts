import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongFirst } from './support/long-first.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Worker threads and child processes run built files, so tests of real parts load the build instead of the sources. */
const loadBuild = {
  name: 'load-build',
  enforce: 'pre' as const,
  resolveId(source: string, importer: string | undefined): string | null {
    if (importer === undefined || !source.startsWith('.')) return null;
    const target = path.resolve(path.dirname(importer), source);
    if (!target.startsWith(path.join(root, 'src') + path.sep)) return null;
    const built = path.join(root, 'dist', path.relative(path.join(root, 'src'), target)).replace(/\.ts$/, '.js');
    if (!existsSync(built)) throw new Error(`${built} does not exist: run npm run build first`);
    return built;
  },
};

/** One of two cores would be left idle: most tests wait for processes. */
const maxWorkers = 2;
/** `expect.poll` gives up after one second unless told, which a busy machine may take for anything. */
const patience = { poll: { timeout: 20_000 } };
const realParts = {
  pool: 'forks' as const,
  maxWorkers,
  testTimeout: 120_000,
  hookTimeout: 300_000,
  expect: patience,
};

/** They mend whatever they find on the host, also what another test is in the middle of. */
const ALONE = ['test/e2e/recovery-lost-journal.test.ts', 'test/e2e/recovery-upheaval.test.ts'];

/** Long, and not disturbed by those: goes on beside them. */
const BESIDE = ['test/e2e/snapshot-property.test.ts'];

/** Virtual hosts take their time: only for those who ask. Without that it is no project, so that no report counts it. */
const VAGRANT = ['test/e2e/vagrant.test.ts'];
const vagrantProjects =
  process.env['DARKROOM_TEST_VAGRANT'] === '1'
    ? [{ test: { root, name: 'vagrant', include: VAGRANT, sequence: { groupOrder: 3 } } }]
    : [];

export default defineConfig({
  test: {
    root,
    globalSetup: path.join(root, 'test/support/run-setup.ts'),
    sequence: { sequencer: LongFirst },
    projects: [
      // one world for all files: these tests share nothing that could leak, and starting afresh would take most of the time
      {
        test: {
          root,
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          isolate: false,
          maxWorkers,
          hookTimeout: 30_000,
          // the first that needs a large part of the sources waits for all of it to be read
          testTimeout: 30_000,
          expect: patience,
        },
      },
      {
        plugins: [loadBuild],
        test: { root, name: 'conformance', include: ['test/conformance/**/*.test.ts'], ...realParts },
      },
      {
        plugins: [loadBuild],
        test: {
          root,
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/integration/sealed-folder.ts'],
          ...realParts,
        },
      },
      {
        plugins: [loadBuild],
        test: {
          root,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: [...ALONE, ...BESIDE, ...VAGRANT],
          ...realParts,
          sequence: { groupOrder: 1 },
        },
      },
      {
        plugins: [loadBuild],
        test: {
          root,
          name: 'e2e-alone',
          include: [...ALONE, ...BESIDE],
          ...realParts,
          sequence: { groupOrder: 2 },
        },
      },
      ...vagrantProjects,
    ],
  },
});
