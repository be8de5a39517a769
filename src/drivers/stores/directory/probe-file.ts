import { randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';

const PREFIX = '.probe-';
/** A probe takes moments; one as old as this is of a process that died. */
const FORGOTTEN_MS = 60 * 60 * 1000;

/** Tries something out under a name of its own, and removes it with the names that begin like it. Node's errors come through. */
export async function withProbeFile(folder: string, work: (file: string) => Promise<void>): Promise<void> {
  await removeForgotten(folder);
  const name = `${PREFIX}${randomBytes(6).toString('hex')}`;
  try {
    await work(path.join(folder, name));
  } finally {
    for (const file of await listProbes(folder)) {
      if (file.startsWith(name)) await rm(path.join(folder, file), { force: true });
    }
  }
}

async function removeForgotten(folder: string): Promise<void> {
  for (const file of await listProbes(folder)) {
    const probe = path.join(folder, file);
    const seen = await stat(probe).catch(() => null);
    if (seen !== null && Date.now() - seen.mtimeMs > FORGOTTEN_MS) await rm(probe, { force: true });
  }
}

async function listProbes(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((file) => file.startsWith(PREFIX));
}
