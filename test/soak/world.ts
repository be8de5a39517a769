import { cp, mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createSecondHost, type SecondHost } from '../e2e/support/second-host.ts';
import { createTestFolder, uniqueName } from '../e2e/support/test-folder.ts';
import { SYSTEM_URI, startDomain, virsh } from '../e2e/support/virsh.ts';
import { type AgentProcess, startAgent } from './agent-process.ts';
import { defineSoakGuest, type SoakGuest } from './soak-guest.ts';

/** A libvirt, an agent and guests of their own. */
export interface World extends AsyncDisposable {
  readonly folder: string;
  readonly places: {
    readonly state: string;
    readonly store: string;
    readonly instances: string;
    readonly overlays: string;
  };
  readonly host: SecondHost;
  readonly agent: AgentProcess;
  readonly guests: readonly SoakGuest[];
  /** Begins the names of all domains here. */
  readonly run: string;
  /** Keeps the folder for a look, with the XML of all domains, and tells where. */
  keep(): Promise<string>;
}

export interface WorldOptions {
  readonly guests: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly areStarted?: boolean;
}

export async function createWorld({ guests: count, env = {}, areStarted = true }: WorldOptions): Promise<World> {
  const run = uniqueName();
  const root = await createTestFolder(run);
  const folder = root.path;
  const places = {
    ...{ state: path.join(folder, 'state'), store: path.join(folder, 'store') },
    ...{ instances: path.join(folder, 'instances'), overlays: path.join(folder, 'overlays') },
  };
  const host = await createSecondHost();
  try {
    await mkdir(path.join(folder, 'guests'), { mode: 0o711 });
    const guests = await defineGuests(host.uri, { run, folder, count });
    if (areStarted) await Promise.all(guests.map(startDomain));
    const agent = await startAgent({ enter: host.enter, folder, env: { ...environment(places), ...env } });
    return {
      ...{ folder, places, host, agent, guests, run },
      keep: async () => {
        await keepDomains(host.uri, folder);
        await agent[Symbol.asyncDispose]();
        await cp(host.logFolder, path.join(folder, 'libvirt-log'), { recursive: true });
        const kept = folder.replace('dr-test-', 'dr-soak-');
        await rename(folder, kept);
        return kept;
      },
      [Symbol.asyncDispose]: async () => {
        await agent[Symbol.asyncDispose]();
        await host[Symbol.asyncDispose]();
        await root[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await host[Symbol.asyncDispose]();
    await root[Symbol.asyncDispose]();
    throw error;
  }
}

interface GuestsToDefine {
  readonly run: string;
  readonly folder: string;
  readonly count: number;
}

async function defineGuests(uri: string, { run, folder, count }: GuestsToDefine): Promise<readonly SoakGuest[]> {
  const guests: SoakGuest[] = [];
  for (let index = 0; index < count; index++) {
    const name = `${run}-${String(index).padStart(2, '0')}`;
    guests.push(await defineSoakGuest({ uri, name, folder: path.join(folder, 'guests', name) }, index));
  }
  return guests;
}

function environment(places: World['places']): Readonly<Record<string, string>> {
  return {
    DARKROOM_CONNECT: SYSTEM_URI,
    DARKROOM_STATE_DIR: places.state,
    DARKROOM_STORE: places.store,
    DARKROOM_INSTANCES_DIR: places.instances,
    DARKROOM_OVERLAY_DIR: places.overlays,
    // an image that was deleted leaves nothing: that is what is judged
    DARKROOM_RECYCLE_DAYS: '0',
  };
}

async function keepDomains(uri: string, folder: string): Promise<void> {
  const names = (await virsh(uri, ['list', '--all', '--name'])).split('\n').filter((name) => name.trim() !== '');
  for (const name of names) {
    const xml = [await virsh(uri, ['dumpxml', name]), await virsh(uri, ['dumpxml', '--inactive', name])];
    await writeFile(path.join(folder, `${name}.xml`), xml.join('\n'));
  }
}
