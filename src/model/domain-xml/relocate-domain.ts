import type { Element } from '@xmldom/xmldom';
import {
  attribute,
  parseXml,
  removeElements,
  rootElement,
  selectElement,
  selectElements,
  serializeXml,
} from './xml.ts';

export interface Relocation {
  /** Where the files of the machine lie now, by where they lay. */
  readonly files: ReadonlyMap<string, string>;
  /** Networks of this host, by what they are called in the XML. */
  readonly networks: ReadonlyMap<string, string>;
  /** Targets of disks that stand alone now. */
  readonly flattened: readonly string[];
  /** Media that are not to be had here: their drives are emptied. */
  readonly missingMedia: readonly string[];
}

/** The same machine where things lie elsewhere. Only what moved is touched: elements unknown to us stay as they are. */
export function relocateDomain(xml: string, relocation: Relocation): string {
  const document = parseXml(xml);
  const root = rootElement(document);
  for (const disk of selectElements('./devices/disk', root)) relocateDisk(disk, relocation);
  const nvram = selectElement('./os/nvram', root);
  if (nvram !== null) relocateNvram(nvram, relocation.files);
  for (const source of selectElements("./devices/interface[@type='network']/source", root)) {
    const network = relocation.networks.get(source.getAttribute('network') ?? '');
    if (network !== undefined) source.setAttribute('network', network);
  }
  return serializeXml(document);
}

function relocateDisk(disk: Element, { files, flattened, missingMedia }: Relocation): void {
  const source = selectElement('./source', disk);
  const file = source?.getAttribute('file') ?? '';
  if (flattened.includes(attribute('./target', 'dev', disk) ?? '')) removeElements('./backingStore', disk);
  if (missingMedia.includes(file)) removeElements('./source', disk);
  const moved = files.get(file);
  if (moved !== undefined) source?.setAttribute('file', moved);
}

/** Its path is an attribute of `<source>` where it has a format or lies elsewhere, else its text. */
function relocateNvram(nvram: Element, files: ReadonlyMap<string, string>): void {
  const source = selectElement('./source', nvram);
  const file = source?.getAttribute('file') ?? nvram.textContent?.trim() ?? '';
  const moved = files.get(file);
  if (moved === undefined) return;
  if (source === null) nvram.textContent = moved;
  else source.setAttribute('file', moved);
}

/** Files in drives for media that can be taken out: by path. */
export function listMedia(xml: string): string[] {
  const drives = selectElements(
    "./devices/disk[@device='cdrom' or @device='floppy']/source",
    rootElement(parseXml(xml)),
  );
  return drives.flatMap((source) => source.getAttribute('file') ?? []);
}
