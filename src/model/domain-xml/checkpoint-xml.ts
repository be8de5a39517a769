import type { Element } from '@xmldom/xmldom';
import { DarkroomError } from '../errors.ts';
import {
  appendElement,
  ensureElement,
  parseXml,
  rootElement,
  selectElements,
  serializeXml,
  setText,
  text,
} from './xml.ts';

export interface NewCheckpoint {
  /** Of its bitmaps as well. */
  readonly name: string;
  readonly description?: string;
  /** The checkpoint that it follows; for a redefinition, where libvirt does not choose it. */
  readonly parent?: string | null;
  /** Disks with a bitmap of it. */
  readonly targets: readonly string[];
  /** All disks of the domain: those without a bitmap are named too. */
  readonly allTargets: readonly string[];
  /** Seconds since 1970; for a redefinition, where it is obligatory. */
  readonly creationTime?: number;
}

export interface CheckpointFacts {
  /** null for the first one. */
  readonly parent: string | null;
  /** Disks with a bitmap of it. */
  readonly targets: readonly string[];
  /** Seconds since 1970. */
  readonly creationTime: number;
  /** Bytes that changed since, by target; of those only of which libvirt told (VIR_DOMAIN_CHECKPOINT_XML_SIZE). */
  readonly sizes: ReadonlyMap<string, number>;
}

/**
 * A `<domaincheckpoint>` without a `<domain>`, to begin or to redefine one. Disks that its list leaves out get no bitmap; only an
 * empty list would mean all of them. https://libvirt.org/formatcheckpoint.html
 */
export function buildCheckpointXml(checkpoint: NewCheckpoint): string {
  const { name, description, parent = null, targets, allTargets, creationTime } = checkpoint;
  if (targets.length === 0) throw new DarkroomError('INTERNAL', `The checkpoint ${name} would be one of all disks`);
  const document = parseXml('<domaincheckpoint/>');
  const root = rootElement(document);
  setText(root, 'name', name);
  if (description !== undefined) setText(root, 'description', description);
  if (parent !== null) setText(ensureElement(root, 'parent'), 'name', parent);
  if (creationTime !== undefined) setText(root, 'creationTime', String(creationTime));
  appendDisks(root, { name, targets, others: allTargets.filter((target) => !targets.includes(target)) });
  return serializeXml(document);
}

function appendDisks(
  root: Element,
  {
    name,
    targets,
    others,
  }: { readonly name: string; readonly targets: readonly string[]; readonly others: readonly string[] },
): void {
  const list = appendElement(root, 'disks');
  for (const target of targets) appendElement(list, 'disk', { name: target, checkpoint: 'bitmap', bitmap: name });
  for (const target of others) appendElement(list, 'disk', { name: target, checkpoint: 'no' });
}

/** What libvirt's XML of a checkpoint says, with a `<domain>` or without. https://libvirt.org/formatcheckpoint.html */
export function readCheckpoint(checkpointXml: string): CheckpointFacts {
  const root = rootElement(parseXml(checkpointXml));
  const disks = selectElements("./disks/disk[@checkpoint='bitmap']", root);
  return {
    parent: text('./parent/name', root),
    targets: disks.map(targetOf),
    creationTime: Number(text('./creationTime', root) ?? '0'),
    sizes: new Map(disks.filter(hasSize).map((disk) => [targetOf(disk), Number(disk.getAttribute('size'))])),
  };
}

function targetOf(disk: Element): string {
  return disk.getAttribute('name') ?? '';
}

function hasSize(disk: Element): boolean {
  return disk.hasAttribute('size');
}
