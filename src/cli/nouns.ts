import type { Argv } from 'yargs';
import type { CommandHost } from './context.ts';
import type { GlobalOptions } from './global-options.ts';

export interface NounModule {
  addVerbs(yargs: Argv<GlobalOptions>, host: CommandHost): void;
}

export interface Noun {
  readonly name: string;
  readonly describe: string;
  /** Only the noun that is used is loaded. */
  load(): Promise<NounModule>;
}

export const NOUNS: readonly Noun[] = [
  { name: 'image', describe: 'Bootable images in the store', load: () => import('./image.ts') },
  { name: 'backup', describe: 'Backups of instances, and when they are made', load: () => import('./backup.ts') },
  { name: 'instance', describe: 'Virtual machines of this host', load: () => import('./instance.ts') },
  { name: 'volume', describe: 'Disks of instances', load: () => import('./volume.ts') },
  { name: 'snapshot', describe: 'Points in time of volumes', load: () => import('./snapshot.ts') },
  { name: 'store', describe: 'Where images and snapshots are', load: () => import('./store.ts') },
  { name: 'agent', describe: 'The daemon of this host', load: () => import('./agent.ts') },
  { name: 'principal', describe: 'Who may speak to the agent of this host', load: () => import('./principal.ts') },
  { name: 'audit', describe: 'What was asked of this host, and by whom', load: () => import('./audit.ts') },
  { name: 'operation', describe: 'Long pieces of work', load: () => import('./operation.ts') },
];
