import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
};

const WASM_PAGE_BYTES = 64 * 1024;
/** Of memory, place and length. File systems want as much or less. */
const ALIGNMENT_BYTES = 4096;

/** Zeros that begin at a page of memory: nothing else in JavaScript promises that. */
export function allocateAligned(bytes: number): Buffer {
  const { buffer } = new WebAssembly.Memory({ initial: Math.ceil(bytes / WASM_PAGE_BYTES) });
  return Buffer.from(buffer, 0, bytes);
}

/**
 * Writes past the page cache of the host (O_DIRECT, open(2)): what is long neither pushes out of it what guests use now, nor is copied
 * once more. What does not lie as that wants is left to others, as is all where the file system does not know it.
 */
export class DirectFile {
  readonly #handle: FileHandle;
  #isTaken = true;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** null where the file system does not know it. */
  static async open(path: string): Promise<DirectFile | null> {
    const handle = await open(path, constants.O_RDWR | constants.O_DIRECT).catch(() => null);
    return handle === null ? null : new DirectFile(handle);
  }

  /** How many bytes were written; content of `allocateAligned`. Node's errors. */
  async write(content: Buffer, offsetBytes: number): Promise<number> {
    if (!this.#isTaken || offsetBytes % ALIGNMENT_BYTES !== 0 || content.length % ALIGNMENT_BYTES !== 0) return 0;
    try {
      return (await this.#handle.write(content, 0, content.length, offsetBytes)).bytesWritten;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EINVAL')) throw error;
      this.#isTaken = false;
      return 0;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
