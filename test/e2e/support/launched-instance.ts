import path from 'node:path';
import { z } from 'zod';
import { instanceSchema } from '../../../src/api/schemas/instances.ts';
import type { Instance } from '../../../src/model/instance.ts';
import { readGuestFile, runInGuest, waitForAgent } from './guest-agent.ts';
import type { DarkroomHost } from './run-darkroom.ts';
import { uniqueName } from './test-folder.ts';
import { type DomainRef, removeDomain, SYSTEM_URI } from './virsh.ts';

/** An instance that a test launched. Disposing of it deletes it, unless the test has. */
export interface LaunchedInstance extends AsyncDisposable, DomainRef {
  readonly instance: Instance;
  readonly folder: string;
  readonly warnings: readonly string[];
  waitForAgent(): Promise<void>;
  readFile(path: string): Promise<string>;
  run(commandLine: string): Promise<string>;
}

export async function launchInstance(
  darkroom: DarkroomHost,
  image: string,
  options: { readonly name?: string; readonly args?: readonly string[] } = {},
): Promise<LaunchedInstance> {
  const domain = { uri: SYSTEM_URI, name: options.name ?? uniqueName() };
  const dispose = async (): Promise<void> => {
    await darkroom.run(['instance', 'delete', domain.name]);
    await removeDomain(domain);
  };
  try {
    const args = ['instance', 'launch', domain.name, '--image', image, ...(options.args ?? [])];
    const instance = instanceSchema.parse(await darkroom.json(args));
    return {
      ...domain,
      instance,
      folder: path.join(darkroom.instancesDir, instance.id),
      warnings: await readWarnings(darkroom),
      waitForAgent: () => waitForAgent(domain),
      readFile: (file) => readGuestFile(domain, file),
      run: (commandLine) => runInGuest(domain, commandLine),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function readWarnings(darkroom: DarkroomHost): Promise<readonly string[]> {
  const operations = z
    .array(z.object({ warnings: z.array(z.string()) }))
    .parse(await darkroom.json(['operation', 'list']));
  return operations[0]?.warnings ?? [];
}
