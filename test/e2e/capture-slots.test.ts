import { afterAll, beforeAll, expect, it } from 'vitest';
import { listImages } from './support/captures.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { defineTinyGuest } from './support/tiny-guest.ts';
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

it('row 20: with one place for copies a second process waits for the first, and says so', async () => {
  await using one = await defineTinyGuest();
  await using two = await defineTinyGuest();
  const first = darkroom.start(['image', 'create', one.name, '--name', 'one', '--json']);
  const isCopying = async (): Promise<boolean> => first.output.stderr.includes('"step":"copy"');
  await waitUntil('the first copies', isCopying, { timeoutMs: 20_000 });
  const second = darkroom.start(['image', 'create', two.name, '--name', 'two', '--json']);
  const isWaiting = async (): Promise<boolean> => second.output.stderr.includes('waiting for other copies');
  await waitUntil('the second waits', isWaiting, { timeoutMs: 20_000 });
  expect((await first.ended).exitCode).toBe(0);
  expect(second.output.stderr).not.toContain('"step":"copy"');
  expect((await second.ended).exitCode).toBe(0);
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
