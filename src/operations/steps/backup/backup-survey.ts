import { type Caller, isOwner, maySeeInstance, maySeeShared } from '../../../model/access.ts';
import type { Backup } from '../../../model/backup/backup.ts';
import { toRetained } from '../../../model/backup/retained-image.ts';
import { planRetention, type Retention } from '../../../model/backup/retention.ts';
import type { BackupSchedule } from '../../../model/backup/schedule.ts';
import { covers } from '../../../model/backup/selector.ts';
import type { Image } from '../../../model/image.ts';
import type { Core } from '../../support/context.ts';
import { type KnownInstance, type KnownInstances, readKnownInstances } from './known-instances.ts';

/** Everybody's backups, schedules and instances, as a store and a host have them now. What a caller sees of them is for others to say. */
export interface BackupSurvey {
  /** Newest first. */
  readonly backups: readonly Image[];
  readonly schedules: readonly BackupSchedule[];
  readonly instances: KnownInstances;
}

export async function surveyBackups(core: Core): Promise<BackupSurvey> {
  const [{ images, broken }, schedules, instances] = await Promise.all([
    core.store.listImages(),
    core.schedules.list(),
    readKnownInstances(core),
  ]);
  for (const { id, reason } of broken) core.log.warn({ imageId: id, reason }, 'an image is damaged and was left out');
  return { backups: images.filter(({ properties }) => properties['image_type'] === 'backup'), schedules, instances };
}

export function instanceOf({ properties }: Pick<Image, 'properties'>): string {
  return properties['instance_uuid'] ?? '';
}

export function typeOf({ properties }: Pick<Image, 'properties'>): string {
  return properties['backup_type'] ?? '';
}

/** Name of an instance for those who may see it. */
export function nameOf(caller: Caller, instance: KnownInstance | undefined): string | null {
  return instance !== undefined && maySeeInstance(caller, instance) ? instance.name : null;
}

/**
 * Whether a schedule makes backups of an instance: of what its owner sees. One that is on no list any more, or that another host
 * shelved, is meant by its id alone.
 */
export function isScheduled(
  schedule: BackupSchedule,
  instanceId: string,
  { instances }: Pick<BackupSurvey, 'instances'>,
): boolean {
  const instance = instances.get(instanceId);
  const { selector } = schedule;
  if (instance === undefined) return selector.kind === 'instance' && selector.instanceId === instanceId;
  if (!instance.isOfHost && selector.kind !== 'instance') return false;
  return covers(selector, instance) && maySeeInstance(ownerOf(schedule), instance);
}

/** On whose behalf its backups are made and let go. */
export function ownerOf({ owner, role }: BackupSchedule): Caller {
  return { name: owner, role, isTrustedWithPaths: false };
}

/** What one rule makes of backups of one instance and type: of those alone that are its owner's, as a rotation does. */
export function applyRule(
  backups: readonly Image[],
  { retention, caller }: { readonly retention: Retention; readonly caller: Caller },
): readonly { readonly image: Image; readonly keep: readonly string[] }[] {
  const own = backups.filter((image) => isOwner(caller, image));
  return planRetention(own.map(toRetained), retention).map(({ backup, keep }) => ({ image: backup.image, keep }));
}

/** As the caller sees it: who else may see a backup is its owner's business. */
export function toBackup(
  { caller }: Pick<Core, 'caller'>,
  image: Image,
  { keep, instances }: { readonly keep: readonly string[]; readonly instances: KnownInstances },
): Backup {
  const members = isOwner(caller, image) ? image.members : image.members.filter((name) => name === caller.name);
  return { ...image, members, instanceName: nameOf(caller, instances.get(instanceOf(image))), keep };
}

export function listVisible({ caller }: Pick<Core, 'caller'>, { backups }: BackupSurvey): readonly Image[] {
  return backups.filter((image) => maySeeShared(caller, image));
}
