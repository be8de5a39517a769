import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll } from 'vitest';
import { waitUntil } from './wait-until.ts';

const LOCK = '/run/lock/darkroom-test-alone';
const LONGEST_MS = 1_800_000;

/** For a file of tests that mend whatever they find on the host: one such file at a time. */
export function beAlone(): void {
  beforeAll(() => waitUntil('the host is free', tryLock, { timeoutMs: LONGEST_MS, intervalMs: 500 }), LONGEST_MS);
  afterAll(() => rm(LOCK, { force: true }));
}

/** It says whose it is from its first moment: one that says nothing would be taken for that of a dead process. */
async function tryLock(): Promise<boolean> {
  const own = `${LOCK}.${process.pid}`;
  try {
    await writeFile(own, String(process.pid));
    await link(own, LOCK);
    return true;
  } catch {
    if (!(await isHeld())) await rm(LOCK, { force: true });
    return false;
  } finally {
    await rm(own, { force: true });
  }
}

/** A process that was killed holds it no longer. */
async function isHeld(): Promise<boolean> {
  const pid = Number(await readFile(LOCK, 'utf8').catch(() => '0'));
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}
