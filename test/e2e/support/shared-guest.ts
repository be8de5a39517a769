import { afterAll, beforeAll } from 'vitest';
import { bootTinyGuest, type Guest, type TinyGuestOptions } from './tiny-guest.ts';

/**
 * One booted guest for all tests of a file or describe block: only for tests that leave it as it was (end each with
 * assertClean). Returns a function, because the guest exists only while tests run.
 */
export function useSharedGuest(options: TinyGuestOptions = {}): () => Guest {
  let guest: Guest | undefined;
  beforeAll(async () => {
    guest = await bootTinyGuest(options);
  });
  afterAll(async () => {
    await guest?.[Symbol.asyncDispose]();
    guest = undefined;
  });
  return () => {
    if (guest === undefined) throw new Error('the shared guest exists only while tests run');
    return guest;
  };
}
