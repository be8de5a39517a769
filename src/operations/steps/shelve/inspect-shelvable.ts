import path from 'node:path';
import { describeDomain } from '../../../model/domain-xml/describe-domain.ts';
import { readDiskPaths } from '../../../model/domain-xml/disk-sources.ts';
import { DarkroomError } from '../../../model/errors.ts';
import { requireShelvable } from '../../../model/shelve-rules.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';
import { type Inspection, inspectInstance } from '../capture/inspect-instance.ts';
import { findMade } from '../launch/find-made.ts';
import { isOnSameMount } from './is-on-same-mount.ts';
import { requireOwnDisks } from './require-own-disks.ts';

/** An instance that a shelf can hold, as it was found. */
export interface Shelvable {
  readonly inspection: Inspection;
  /** Every disk lies on the store's file system and stands alone, so that it need not be copied. */
  readonly isMovable: boolean;
  readonly made: ShelvedInstance['made'];
  /** Files of its launch that are neither disks nor firmware: its seed. */
  readonly extras: readonly string[];
}

/** Looks at everything that could stand against a shelve: nothing has been touched when this throws. */
export async function inspectShelvable(core: Core, instanceId: string, signal: AbortSignal): Promise<Shelvable> {
  const inspection = await inspectInstance(core, instanceId, { signal });
  requirePersistent(inspection);
  const { savedXml } = inspection;
  requireShelvable(await core.hypervisor.getDomainXml(instanceId), { id: instanceId, name: inspection.domain.name });
  requireShelvable(savedXml, { id: instanceId, name: inspection.domain.name });
  requireSameDisks(inspection);
  if (inspection.domain.hasManagedSave)
    requireSameMachine(inspection, await core.hypervisor.getManagedSaveXml(instanceId));
  await requireOwnDisks(core, inspection);
  const description = describeDomain(savedXml);
  const made = await findMade(core, description);
  return {
    inspection,
    isMovable: await isMovable(core, inspection),
    made,
    extras: made === null ? [] : await listExtras(core, { made, inspection, nvramPath: description.nvramPath }),
  };
}

function requirePersistent({ domain }: Inspection): void {
  if (domain.isPersistent) return;
  throw unsupported({ domain }, 'is transient: without a definition there is nothing that could come back');
}

/** What is attached to the running machine alone would be lost. */
function requireSameDisks(inspection: Inspection): void {
  const defined = readDiskPaths(inspection.savedXml);
  const odd = inspection.selection.captured.find(({ target, path: file }) => defined.get(target) !== file);
  if (odd === undefined) return;
  throw unsupported(inspection, `has a disk ${odd.target} that its definition does not have, or has elsewhere`);
}

/** Memory that goes on with other disks than those of the definition would find them missing, or written to by others. */
function requireSameMachine(inspection: Inspection, memoryXml: string): void {
  requireShelvable(memoryXml, { id: inspection.domain.uuid, name: inspection.domain.name });
  const { captured } = inspection.selection;
  const paths = readDiskPaths(memoryXml);
  const writable = describeDomain(memoryXml).disks.filter(
    ({ device, isReadOnly }) => !isReadOnly && (device === 'disk' || device === 'lun'),
  );
  const isSame =
    captured.every(({ target, path: file }) => paths.get(target) === file) &&
    writable.every(({ target }) => captured.some((disk) => disk.target === target));
  if (!isSame) throw unsupported(inspection, 'has saved memory with other disks than its definition: start it first');
}

function unsupported({ domain }: Pick<Inspection, 'domain'>, why: string): DarkroomError {
  return new DarkroomError('INSTANCE_UNSUPPORTED', `The instance ${domain.name} cannot be shelved: it ${why}.`, {
    fields: { instanceId: domain.uuid },
  });
}

async function isMovable(core: Core, { selection, chains }: Inspection): Promise<boolean> {
  if (!core.store.keepsFilesHere) return false;
  const store = await core.files.stat(core.store.rootPath);
  for (const disk of selection.captured) {
    const [top, ...below] = chains.get(disk.target) ?? [];
    const stat = await core.files.stat(disk.path);
    const standsAlone = top !== undefined && below.length === 0 && top.dataFile === null;
    if (!standsAlone || stat?.kind !== 'file' || stat.links !== 1 || stat.device !== store?.device) return false;
    if ((await isSymbolicLink(core, disk.path)) || !(await isOnSameMount(core, disk.path, core.store.rootPath)))
      return false;
  }
  return true;
}

/** Its target would be moved, and the link left. */
async function isSymbolicLink(core: Core, file: string): Promise<boolean> {
  await using held = await core.files.hold(file);
  await using folder = await core.files.hold(path.dirname(file));
  return held === null || folder === null || held.realPath !== path.join(folder.realPath, path.basename(file));
}

interface ExtrasOf {
  readonly made: NonNullable<Shelvable['made']>;
  readonly inspection: Inspection;
  readonly nvramPath: string | null;
}

async function listExtras(core: Core, { made, inspection, nvramPath }: ExtrasOf): Promise<string[]> {
  const known = new Set([...inspection.selection.captured.map((disk) => disk.path), nvramPath]);
  const extras: string[] = [];
  for (const file of made.files.map((name) => path.join(made.folder, name))) {
    if (!known.has(file) && (await core.files.stat(file)) !== null) extras.push(file);
  }
  return extras;
}
