import { describe, expect, it } from 'vitest';
import { transferParts } from '../../../../../../src/drivers/stores/s3/bucket/transfer-parts.ts';
import { expectFailure } from '../../../../../support/expect-failure.ts';

const PARTS = [...Array(20).keys()];
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function mostAtOnce(
  plan: Parameters<typeof transferParts>[1],
  parts: readonly number[] = PARTS,
): Promise<number> {
  const state = { running: 0, most: 0 };
  await transferParts(parts, plan, async () => {
    state.running += 1;
    state.most = Math.max(state.most, state.running);
    await turn();
    state.running -= 1;
  });
  return state.most;
}

describe('parts side by side', () => {
  it('are as many at once as allowed, each once', async () => {
    const seen: number[] = [];
    await transferParts(PARTS, { concurrency: 3 }, async (part) => {
      await turn();
      seen.push(part);
    });
    expect(seen.sort((a, b) => a - b)).toEqual(PARTS);
    expect(await mostAtOnce({ concurrency: 3 })).toBe(3);
    expect(await mostAtOnce({ concurrency: 64 }, [1, 2])).toBe(2);
  });

  it('are fewer at once where they are long, so that memory is bounded', async () => {
    expect(await mostAtOnce({ concurrency: 8, bufferBytes: 256 * 1024 ** 2 })).toBe(2);
    expect(await mostAtOnce({ concurrency: 8, bufferBytes: 600 * 1024 ** 2 }, [1, 2, 3])).toBe(1);
  });

  it('end all at the first failure, which is thrown', async () => {
    const started: number[] = [];
    const work = transferParts(PARTS, { concurrency: 2 }, async (part, { signal }) => {
      started.push(part);
      if (part === 1) throw new Error('broken');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new Error('ended by the other');
    });
    await expect(work).rejects.toThrow('broken');
    expect(started).toEqual([0, 1]);
  });

  it('end when the caller gives up', async () => {
    const cancel = new AbortController();
    const work = transferParts(
      PARTS,
      { concurrency: 2, signal: cancel.signal },
      (_part, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('x')))),
    );
    const outcome = expectFailure(work, 'CANCELLED');
    cancel.abort();
    await outcome;
  });
});
