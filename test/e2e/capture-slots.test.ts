import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { findProcesses } from './support/assert-clean.ts';
import { listImages } from './support/captures.ts';
import { type HarnessCapture, holdCapture } from './support/kill-harness.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { bootTinyGuest, defineTinyGuest, type Guest } from './support/tiny-guest.ts';
import { domainExists, domainState } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

/** So slow that a copy that did not wait for its place would be seen beside the other. */
const ONE_COPY = { DARKROOM_MAX_CONCURRENT_COPIES: '1', DARKROOM_COPY_BANDWIDTH: '8MiB' };

let darkroom: DarkroomHost;
beforeAll(async () => {
  darkroom = await createDarkroomHost({ env: ONE_COPY });
});
afterAll(async () => {
  await darkroom?.[Symbol.asyncDispose]();
});

const BEFORE_COPY = { call: 'diskTool.convert', nth: 1, when: 'before' } as const;

/** A capture in a process of its own that has its place, and keeps it until it is released. */
async function startCopying(
  guest: Guest,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<HarnessCapture> {
  const capture = holdCapture(darkroom, guest, { name, at: BEFORE_COPY, env });
  await capture.held();
  return capture;
}

async function endOf(capture: HarnessCapture): Promise<string | undefined> {
  capture.release();
  await capture.process.ended;
  return capture.facts().at(-1)?.operation?.status;
}

it('row 20: with one place for copies a second process waits for the first, and says so', async () => {
  await using one = await defineTinyGuest();
  await using two = await defineTinyGuest();
  const first = await startCopying(one, 'one', ONE_COPY);
  const second = darkroom.start(['image', 'create', two.name, '--name', 'two', '--json']);
  const isWaiting = async (): Promise<boolean> => second.output.stderr.includes('waiting for other copies');
  await waitUntil('the second waits', isWaiting, { timeoutMs: 60_000 });
  first.release();
  // the place is free as soon as the copy has ended: what comes after does not read the guest's disks
  const isItsTurn = async (): Promise<boolean> => second.output.stderr.includes('"step":"copy"');
  await waitUntil('the second copies', isItsTurn, { timeoutMs: 60_000, intervalMs: 20 });
  const working = await findProcesses('qemu-img', [one.folder]);
  expect(working.filter((args) => args.startsWith('convert'))).toEqual([]);
  expect([await endOf(first), (await second.ended).exitCode]).toEqual(['succeeded', 0]);
  expect((await listImages(darkroom)).map(({ name }) => name).sort()).toEqual(['one', 'two']);
});

it('cancels a capture that waits for its place, at once and without a trace', async () => {
  await using one = await defineTinyGuest();
  await using two = await defineTinyGuest();
  const count = (await listImages(darkroom)).length;
  const first = await startCopying(one, 'three', ONE_COPY);
  const second = darkroom.start(['image', 'create', two.name, '--name', 'four', '--json']);
  const isWaiting = async (): Promise<boolean> => second.output.stderr.includes('waiting for other copies');
  await waitUntil('the second waits', isWaiting, { timeoutMs: 60_000 });
  second.kill('SIGINT');
  expect((await second.ended).exitCode).toBe(130);
  expect(await endOf(first)).toBe('succeeded');
  expect(await listImages(darkroom)).toHaveLength(count + 1);
});

it('row 20: with one place for captures a shelve waits for a capture, and its guest runs until its turn comes', async () => {
  const env = { DARKROOM_MAX_CONCURRENT_CAPTURES: '1', DARKROOM_MAX_CONCURRENT_COPIES: '4' };
  await using one = await defineTinyGuest();
  await using two = await bootTinyGuest();
  const first = await startCopying(one, 'five', env);
  const second = darkroom.start(['instance', 'shelve', two.name, '--json'], { env });
  const isWaiting = async (): Promise<boolean> => second.output.stderr.includes('waiting for other captures');
  await waitUntil('the shelve waits', isWaiting, { timeoutMs: 60_000 });
  expect(await domainState(two)).toBe('running');
  const shown = z.object({ taskState: z.string().nullable() });
  expect(shown.parse(await darkroom.json(['instance', 'show', two.name])).taskState).toBe('instance.shelve');
  expect(await endOf(first)).toBe('succeeded');
  expect((await second.ended).exitCode).toBe(0);
  expect(await domainExists(two)).toBe(false);
});
