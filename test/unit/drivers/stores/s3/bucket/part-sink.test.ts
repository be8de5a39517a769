import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createPartSink, type PartSink, SINK_BYTES } from '../../../../../../src/drivers/stores/s3/bucket/part-sink.ts';
import type { TargetFile } from '../../../../../../src/drivers/stores/s3/bucket/target-file.ts';

const CONTENT = randomBytes(5_300_001);
const OFFSET = 1000;
const MOST_LATE_BYTES = 128 * 1024;

/** Keeps what is written, as late as it can. */
function createSlowFile(): TargetFile & { readonly content: Buffer } {
  const content = Buffer.alloc(OFFSET + CONTENT.length);
  return {
    content,
    write: async (bytes, at) => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      bytes.copy(content, at);
    },
    sync: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function put(
  sink: PartSink,
  at: number,
  mostBytes: number,
): { readonly bytes: number; readonly wait: Promise<void> | null } {
  const bytes = CONTENT.copy(sink.room(), 0, at, Math.min(CONTENT.length, at + mostBytes));
  return { bytes, wait: sink.took(bytes) };
}

async function expectAll(sink: PartSink, file: { readonly content: Buffer }): Promise<void> {
  expect(await sink.finish()).toBe(createHash('sha256').update(CONTENT).digest('hex'));
  expect(file.content.subarray(OFFSET).equals(CONTENT)).toBe(true);
  expect(sink.filledBytes).toBe(CONTENT.length);
}

const options = () => ({ offsetBytes: OFFSET, buffer: Buffer.alloc(SINK_BYTES), isFresh: true });

describe('a sink of a part', () => {
  it.each([1_500, 65_536, 400_000, 3_000_000])(
    'takes what is put into its room, %d bytes at most at once',
    async (most) => {
      const file = createSlowFile();
      const sink = createPartSink(file, options());
      for (let at = 0; at < CONTENT.length; ) {
        const { bytes, wait } = put(sink, at, most);
        at += bytes;
        expect(bytes).toBeGreaterThan(0);
        await wait;
      }
      await expectAll(sink, file);
    },
  );

  it('has room for what comes after it told to wait', async () => {
    const file = createSlowFile();
    const sink = createPartSink(file, options());
    for (let at = 0; at < CONTENT.length; ) {
      const { bytes, wait } = put(sink, at, 3_000_000);
      at += bytes;
      for (let late = 0; wait !== null && late < MOST_LATE_BYTES && at < CONTENT.length; ) {
        const more = put(sink, at, Math.min(16_384, MOST_LATE_BYTES - late));
        expect(more.bytes).toBeGreaterThan(0);
        late += more.bytes;
        at += more.bytes;
      }
      await wait;
    }
    await expectAll(sink, file);
  });

  it('takes pieces of any length, one after the other', async () => {
    const file = createSlowFile();
    const sink = createPartSink(file, options());
    for (let at = 0; at < CONTENT.length; at += 700_001) await sink.push(CONTENT.subarray(at, at + 700_001));
    await expectAll(sink, file);
  });

  it('tells of a disk that is full to whoever goes on, and at the end', async () => {
    const full: TargetFile = { ...createSlowFile(), write: async () => Promise.reject(new Error('full')) };
    const sink = createPartSink(full, options());
    await expect(sink.push(CONTENT)).rejects.toThrow('full');
    await expect(sink.finish()).rejects.toThrow('full');
  });
});
