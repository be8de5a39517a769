import { stopSharedCeph } from './engines.ts';

/** Before the first worker of a run, in the process of vitest itself; what it returns comes after the last. */
export default function setup(): () => Promise<void> {
  // one for all workers, so that they find what they share
  process.env['DARKROOM_TEST_RUN'] ??= String(process.pid);
  return stopSharedCeph;
}
