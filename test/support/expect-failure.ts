import { type ErrorCode, hasCode } from '../../src/model/errors.ts';

/** Fails unless the work is refused with exactly this code. */
export async function expectFailure(work: Promise<unknown>, code: ErrorCode): Promise<Error> {
  try {
    await work;
  } catch (error) {
    if (hasCode(error, code)) return error;
    throw error;
  }
  throw new Error(`expected ${code}, but nothing was thrown`);
}
