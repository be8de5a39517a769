import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { listImages } from './support/captures.ts';
import type { RunningCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { bootTinyGuest, defineTinyGuest } from './support/tiny-guest.ts';
import { domainExists, domainState } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

let darkroom: DarkroomHost;
beforeAll(async () => {
  darkroom = await createDarkroomHost({
    env: { DARKROOM_MAX_CONCURRENT_COPIES: '1', DARKROOM_COPY_BANDWIDTH: '8MiB' },
  });
});
afterAll(async () => {
  await darkroom?.[Symbol.asyncDispose]();
});

function stepsOf({ output }: RunningCommand): readonly string[] {
  return [...output.stderr.matchAll(/"step":"([^"]*)"/g)].map(([, step = '']) => step);
}

it('row 20: with one place for copies a second process waits for the first, and says so', async () => {
  await using one = await defineTinyGuest();
  await using two = await defineTinyGuest();
  const first = darkroom.start(['image', 'create', one.name, '--name', 'one', '--json']);
  const isCopying = async (): Promise<boolean> => first.output.stderr.includes('"step":"copy"');
  await waitUntil('the first copies', isCopying, { timeoutMs: 20_000 });
  const second = darkroom.start(['image', 'create', two.name, '--name', 'two', '--json']);
  const isWaiting = async (): Promise<boolean> => second.output.stderr.includes('waiting for other copies');
  await waitUntil('the second waits', isWaiting, { timeoutMs: 20_000 });
  // the place is free as soon as the copy has ended: what comes after does not read the guest's disks
  const isItsTurn = async (): Promise<boolean> => second.output.stderr.includes('"step":"copy"');
  await waitUntil('the second copies', isItsTurn, { timeoutMs: 60_000, intervalMs: 20 });
  expect(stepsOf(first).at(-1)).not.toBe('copy');
  expect([(await first.ended).exitCode, (await second.ended).exitCode]).toEqual([0, 0]);
  expect((await listImages(darkroom)).map(({ name }) => name).sort()).toEqual(['one', 'two']);
});

it('cancels a capture that waits for its place, at once and without a trace', async () => {
  await using one = await defineTinyGuest();
  await using two = await defineTinyGuest();
  const count = (await listImages(darkroom)).length;
  const first = darkroom.start(['image', 'create', one.name, '--name', 'three', '--json']);
  const isCopying = async (): Promise<boolean> => first.output.stderr.includes('"step":"copy"');
  await waitUntil('the first copies', isCopying, { timeoutMs: 20_000 });
  const second = darkroom.start(['image', 'create', two.name, '--name', 'four', '--json']);
  const isWaiting = async (): Promise<boolean> => second.output.stderr.includes('waiting for other copies');
  await waitUntil('the second waits', isWaiting, { timeoutMs: 20_000 });
  second.kill('SIGINT');
  expect((await second.ended).exitCode).toBe(130);
  first.kill('SIGINT');
  expect((await first.ended).exitCode).toBe(130);
  expect(await listImages(darkroom)).toHaveLength(count);
});

it('row 20: with one place for captures a shelve waits for a capture, and its guest runs until its turn comes', async () => {
  const env = { DARKROOM_MAX_CONCURRENT_CAPTURES: '1', DARKROOM_MAX_CONCURRENT_COPIES: '4' };
  await using one = await defineTinyGuest();
  await using two = await bootTinyGuest();
  const first = darkroom.start(['image', 'create', one.name, '--name', 'five', '--json'], { env });
  const isCopying = async (): Promise<boolean> => first.output.stderr.includes('"step":"copy"');
  await waitUntil('the first copies', isCopying, { timeoutMs: 20_000 });
  const second = darkroom.start(['instance', 'shelve', two.name, '--json'], { env });
  const isWaiting = async (): Promise<boolean> => second.output.stderr.includes('waiting for other captures');
  await waitUntil('the shelve waits', isWaiting, { timeoutMs: 20_000 });
  expect(await domainState(two)).toBe('running');
  const shown = z.object({ taskState: z.string().nullable() });
  expect(shown.parse(await darkroom.json(['instance', 'show', two.name])).taskState).toBe('instance.shelve');
  expect((await first.ended).exitCode).toBe(0);
  expect((await second.ended).exitCode).toBe(0);
  expect(await domainExists(two)).toBe(false);
  await darkroom.json(['instance', 'unshelve', two.name, '--no-start']);
});
