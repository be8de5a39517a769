import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of empty encrypted disks, one for each key; for all files of tests. */
    readonly sealedFolder: string;
  }
}

export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(path.join(tmpdir(), 'dr-sealed-'));
  project.provide('sealedFolder', folder);
  return () => rmSync(folder, { recursive: true, force: true });
}
