import path from 'node:path';
import { describeDomain } from '../../../model/domain-xml/describe-domain.ts';
import { readDiskPaths } from '../../../model/domain-xml/disk-sources.ts';
import { relocateDomain } from '../../../model/domain-xml/relocate-domain.ts';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import { DOMAIN_XML_FILE, type Image } from '../../../model/image.ts';
import { requireShelvable } from '../../../model/shelve-rules.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';
import { checkSpace, type SpaceNeed } from '../check-space.ts';
import { requireActive } from '../find-image.ts';
import { isVisible } from '../find-instance.ts';
import { isOnSameFileSystem } from '../launch/materialise-disks.ts';
import { requireNetworks } from '../launch/require-networks.ts';
import { requireWholeImage } from '../launch/require-whole-image.ts';
import { missingDisk } from '../missing-disk.ts';
import { requireAllowed } from '../transfer/transfer-path.ts';
import { comesStraight } from './comes-straight.ts';
import { type Placement, type PlacementWish, placeMachine } from './place-machine.ts';
import { requirePlainPlaces } from './require-plain-places.ts';

const MAX_XML_BYTES = 4 * 1024 ** 2;

/** A machine that is about to come back, as it will be. */
export interface Return {
  readonly record: ShelvedInstance;
  readonly image: Image;
  readonly placement: Placement;
  /** Its definition on this host, with its secrets. */
  readonly xml: string;
}

/** Everything that could stand against an unshelve on this host: nothing has been touched when this throws. */
export async function requireUnshelvable(
  core: Core,
  record: ShelvedInstance,
  wish: PlacementWish & { readonly isStarted: boolean },
): Promise<Return> {
  await requireFreeIdentity(core, record);
  if (wish.diskDir !== null) await requireAllowed(core, path.join(wish.diskDir, 'disk'));
  const image = await readShelvedImage(core, record);
  const shelvedXml = await readText(core, image, DOMAIN_XML_FILE);
  requireConsistent(record, shelvedXml);
  const placement = await placeMachine(core, { record, xml: shelvedXml }, wish);
  requirePlainPlaces(record, placement, describeDomain(shelvedXml).nvramPath);
  await requireFreePlaces(core, record, placement);
  const xml = relocateDomain(shelvedXml, placement.relocation);
  // never started, it has no variables yet, and must not take those of somebody else for its own
  const { nvramPath } = describeDomain(xml);
  if (nvramPath !== null && (await core.files.stat(nvramPath)) !== null) throw taken(record, nvramPath);
  await requireNetworks(core, xml, wish);
  await checkSpace(core, await measureReturn(core, { record, image, placement }));
  return { record, image, placement, xml };
}

async function requireFreeIdentity(core: Core, { id, name }: ShelvedInstance): Promise<void> {
  const domain = (await core.hypervisor.listDomains()).find(
    (candidate) => candidate.uuid === id || candidate.name === name,
  );
  if (domain === undefined) return;
  const takenBy = (await isVisible(core, domain.uuid).catch(() => false)) ? domain.uuid : null;
  throw new DarkroomError(
    'NAME_TAKEN',
    `${core.hypervisor.uri} has ${takenBy === null ? 'another such instance' : `an instance ${domain.name} (${takenBy})`} already, so that ` +
      `the shelved ${name} (${id}) cannot come back there. Rename or delete that one, or unshelve on another host.`,
    { fields: { instanceId: id, name, takenBy } },
  );
}

/** IMAGE_NOT_FOUND, IMAGE_DAMAGED: the record stays, whatever became of the image. */
async function readShelvedImage(core: Core, record: ShelvedInstance): Promise<Image> {
  try {
    const image = await core.store.readImage(record.imageId);
    requireActive(image);
    await requireWholeImage(core, image, { isLeftThere: (disk) => comesStraight(core, record, disk) });
    return image;
  } catch (error) {
    if (!hasCode(error, 'IMAGE_NOT_FOUND')) throw error;
    throw new DarkroomError(
      'IMAGE_NOT_FOUND',
      `The image of the shelved instance ${record.name} (${record.imageId}) is not in ${core.store.location}, so that it cannot come back. ` +
        'Restore it from a copy of the store; or give the instance up: darkroom instance delete.',
      { fields: { imageId: record.imageId, instanceId: record.id }, cause: error },
    );
  }
}

export async function readText(core: Core, image: Image, file: string): Promise<string> {
  return await core.files.readText(await core.store.resolveFile(image.id, file), { maxBytes: MAX_XML_BYTES });
}

/**
 * SHELF_DAMAGED unless the definition is of the machine that the record tells of, with its disks where that says and no other disk of
 * this host to write to; INSTANCE_UNSUPPORTED for what no shelve would have taken: others write to the store too.
 */
export function requireConsistent(record: ShelvedInstance, xml: string): void {
  requireShelvable(xml, record);
  const paths = readDiskPaths(xml);
  const { uuid, disks } = describeDomain(xml);
  const isOwn = (target: string): boolean => record.disks.some((disk) => disk.target === target);
  const isSame =
    uuid === record.id &&
    record.disks.every(({ target, path: file }) => paths.get(target) === file) &&
    disks.every(({ target, device, isReadOnly }) => isReadOnly || !['disk', 'lun'].includes(device) || isOwn(target));
  if (isSame) return;
  throw new DarkroomError(
    'SHELF_DAMAGED',
    `The definition in the image of the shelved instance ${record.name} is not that of its record (${record.id}).`,
    { fields: { instanceId: record.id } },
  );
}

async function requireFreePlaces(core: Core, record: ShelvedInstance, placement: Placement): Promise<void> {
  for (const { path: file } of [...placement.disks, ...placement.files]) {
    if ((await core.files.stat(file)) !== null) throw taken(record, file);
  }
  const given = placement.disks.filter(({ path: file }) => path.dirname(file) !== placement.folder);
  for (const { path: file } of given) {
    if ((await core.files.stat(path.dirname(file)))?.kind !== 'directory') throw noFolder(record, path.dirname(file));
  }
  if (placement.folder !== null && (await core.files.stat(placement.folder)) !== null)
    throw taken(record, placement.folder);
}

function taken({ id, name }: ShelvedInstance, file: string): DarkroomError {
  return new DarkroomError(
    'NAME_TAKEN',
    `${file} exists already, and nothing is overwritten: ${name} cannot come back there. Move it away, or name a folder with --disk-dir.`,
    { fields: { instanceId: id, path: file } },
  );
}

function noFolder({ id, name }: ShelvedInstance, folder: string): DarkroomError {
  return new DarkroomError(
    'INSTANCE_UNSUPPORTED',
    `There is no folder ${folder} on this host for a disk of ${name}. Make it, or name another with --disk-dir.`,
    { fields: { instanceId: id, path: folder } },
  );
}

/** What will be linked needs none; whether it can be is not known yet where the file systems are the same. */
async function measureReturn(
  core: Core,
  { record, image, placement }: Pick<Return, 'record' | 'image' | 'placement'>,
): Promise<SpaceNeed[]> {
  const needs: SpaceNeed[] = [];
  const what = 'the disks of the instance';
  for (const { what: then, path: target } of placement.disks) {
    const disk = image.disks.find((candidate) => candidate.target === then.target);
    if (disk === undefined) throw missingDisk(image, then.target);
    if (comesStraight(core, record, disk)) {
      needs.push({ path: target, bytes: disk.sizeBytes, what });
      continue;
    }
    const source = { path: await core.store.resolveFile(image.id, disk.file), format: disk.format };
    if (disk.format === then.format && (await isOnSameFileSystem(core, source.path, path.dirname(target)))) continue;
    needs.push({ path: target, bytes: await core.diskTool.measure(source, then.format), what });
  }
  return needs;
}
