import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { DarkroomError } from '../model/errors.ts';
import { HOST_KEYS, hostsSchema } from './inventory-schema.ts';
import { DEFAULT_SETTINGS_FILE } from './load-settings.ts';
import { findNearestWord } from './nearest-word.ts';
import { readYamlMapping } from './read-yaml-file.ts';
import { readSection } from './section-schema.ts';
import { HOSTS_SECTION } from './setting-sources.ts';

/** A host with an agent, and how to speak to it. Files are absolute paths; null: none. */
export interface InventoryHost {
  readonly name: string;
  readonly url: URL;
  /** Who signs the agent's certificate; null: the authorities that this system trusts. */
  readonly ca: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
  readonly tokenFile: string | null;
}

export interface Inventory {
  /** In the order of the files, the host's own first. */
  readonly hosts: readonly InventoryHost[];
  /** Where hosts are looked for, in words for a message. */
  readonly places: string;
}

export interface InventorySources {
  /** From --config: then no other file counts. */
  readonly file?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Hosts of /etc/darkroom/darkroom.yaml and of the person's own file, whose entries win. Files need not exist, but for
 * one that is named by --config or DARKROOM_CONFIG. INVALID_REQUEST names file and key.
 */
export function loadInventory(sources: InventorySources): Inventory {
  const named = sources.file ?? (sources.env['DARKROOM_CONFIG'] || undefined);
  if (named !== undefined) return { hosts: readHosts(path.resolve(named)), places: path.resolve(named) };
  const own = ownFile(sources.env);
  const hosts = [
    ...(isReadable(DEFAULT_SETTINGS_FILE) ? readHosts(DEFAULT_SETTINGS_FILE) : []),
    ...(own !== null && existsSync(own) ? readOwnHosts(own) : []),
  ];
  const places = [DEFAULT_SETTINGS_FILE, ...(own === null ? [] : [own])].join(' and ');
  return { hosts: [...new Map(hosts.map((host) => [host.name, host])).values()], places };
}

/** HOST_NOT_FOUND with the names that there are. */
export function requireHost({ hosts, places }: Inventory, name: string): InventoryHost {
  const found = hosts.find((host) => host.name === name);
  if (found !== undefined) return found;
  const names = hosts.map((host) => host.name);
  const nearest = findNearestWord(name, names);
  const hint = nearest === null ? describeKnown(names) : `did you mean '${nearest}'? ${describeKnown(names)}`;
  throw new DarkroomError('HOST_NOT_FOUND', `There is no host '${name}' in ${places}; ${hint}.`, {
    fields: { host: name, known: names.join(' ') },
  });
}

function describeKnown(names: readonly string[]): string {
  return names.length === 0 ? "no host is known: name them under 'hosts:'" : `Known are ${names.join(', ')}`;
}

/** Where a person's own programs are configured (XDG base directory specification). */
function ownFile(env: NodeJS.ProcessEnv): string | null {
  const { XDG_CONFIG_HOME: base, HOME: home } = env;
  if (base !== undefined && path.isAbsolute(base)) return path.join(base, 'darkroom', 'darkroom.yaml');
  return home !== undefined && path.isAbsolute(home) ? path.join(home, '.config', 'darkroom', 'darkroom.yaml') : null;
}

/** The host's settings may be nobody's business but root's. */
function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** Settings of a host in a person's file would depend on who starts what. */
function readOwnHosts(file: string): readonly InventoryHost[] {
  const foreign = Object.keys(readYamlMapping(file)).find((key) => key !== HOSTS_SECTION);
  if (foreign === undefined) return readHosts(file);
  const message = `${file}: ${foreign}: a person's own file holds 'hosts:' alone; settings of this host belong in ${DEFAULT_SETTINGS_FILE}`;
  throw new DarkroomError('INVALID_REQUEST', message, { fields: { file, key: foreign } });
}

function readHosts(file: string): readonly InventoryHost[] {
  const section = { name: HOSTS_SECTION, schema: hostsSchema, keys: HOST_KEYS };
  return Object.entries(readSection(file, readYamlMapping(file), section)).map(([name, entry]) => ({
    name,
    url: entry.url,
    ca: locate(file, entry.ca),
    certificate: locate(file, entry.certificate),
    key: locate(file, entry.key),
    tokenFile: locate(file, entry.token_file),
  }));
}

function locate(file: string, named: string | null | undefined): string | null {
  return named === null || named === undefined ? null : path.resolve(path.dirname(file), named);
}
