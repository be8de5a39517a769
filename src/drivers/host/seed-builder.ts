import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CommandCancelled, CommandFailed } from '../../lib/command-errors.ts';
import { findProgram, runCommand } from '../../lib/run-command.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { SeedBuilder, SeedContent } from '../../model/ports/host.ts';
import { writing } from './translate-error.ts';

/** Programs that take mkisofs' options, and what stands before those. */
const TOOLS = [
  { file: 'genisoimage', args: [] },
  { file: 'xorriso', args: ['-as', 'mkisofs'] },
  { file: 'mkisofs', args: [] },
] as const;

const TIMEOUT_MS = 60_000;
const PRIVATE_MODE = 0o600;

/**
 * Seed disks for cloud-init's NoCloud: an ISO 9660 file labelled `cidata` with user-data and meta-data
 * (https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html), made with whichever of genisoimage,
 * xorriso and mkisofs is installed. Mode 0600, since user-data may hold secrets; what exists is EEXIST. After an error
 * there is no file. TOOL_MISSING, CANCELLED, NO_SPACE, COMMAND_FAILED.
 */
export function createSeedBuilder(): SeedBuilder {
  return { create: createSeed };
}

async function createSeed(target: string, content: SeedContent, signal?: AbortSignal): Promise<void> {
  const tool = await findTool();
  await writing(target, async () => (await open(target, 'wx', PRIVATE_MODE)).close());
  const folder = await mkdtemp(path.join(tmpdir(), 'darkroom-seed-'));
  try {
    await writeSources(folder, content);
    await runTool(tool, { folder, target, ...(signal && { signal }) });
  } catch (error) {
    await rm(target, { force: true }).catch(() => undefined);
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function findTool(): Promise<(typeof TOOLS)[number]> {
  for (const tool of TOOLS) if ((await findProgram(tool.file)) !== null) return tool;
  const message =
    'a seed disk for cloud-init needs genisoimage, xorriso or mkisofs, and none is installed: install genisoimage';
  throw new DarkroomError('TOOL_MISSING', message);
}

async function writeSources(folder: string, content: SeedContent): Promise<void> {
  await writing(folder, async () => {
    await writeFile(path.join(folder, 'user-data'), content.userData, { mode: PRIVATE_MODE });
    await writeFile(path.join(folder, 'meta-data'), content.metaData, { mode: PRIVATE_MODE });
  });
}

async function runTool(
  tool: (typeof TOOLS)[number],
  { folder, target, signal }: { readonly folder: string; readonly target: string; readonly signal?: AbortSignal },
): Promise<void> {
  const args = [...tool.args, '-quiet', '-output', target, '-volid', 'cidata', '-joliet', '-rock', folder];
  try {
    await runCommand({ file: tool.file, args, timeoutMs: TIMEOUT_MS, ...(signal && { signal }) });
  } catch (error) {
    throw translateFailure(error, target);
  }
}

function translateFailure(error: unknown, target: string): unknown {
  if (error instanceof CommandCancelled) {
    return new DarkroomError('CANCELLED', `making the seed disk ${target} was cancelled`, { cause: error });
  }
  const isFull = error instanceof CommandFailed && /No space left|Disk quota exceeded/.test(error.stderr);
  const seen = error instanceof Error ? error.message : String(error);
  return new DarkroomError(isFull ? 'NO_SPACE' : 'COMMAND_FAILED', `cannot make the seed disk ${target}: ${seen}`, {
    fields: { path: target },
    cause: error,
  });
}
