import type { Image } from '../../../model/image.ts';
import type { BackupFilter } from '../../../model/requests.ts';
import type { Core } from '../../support/context.ts';
import { type BackupSurvey, instanceOf, typeOf } from './backup-survey.ts';
import { identifyInstance } from './known-instances.ts';

/** INSTANCE_NOT_FOUND, AMBIGUOUS_NAME when the filter names an instance. */
export function narrow(
  core: Core,
  backups: readonly Image[],
  { filter, survey }: { readonly filter: Pick<BackupFilter, 'instance' | 'backupType'>; readonly survey: BackupSurvey },
): readonly Image[] {
  const { instance, backupType } = filter;
  const { instances } = survey;
  const instanceId = instance === undefined ? null : identifyInstance(core, instance, { instances, backups });
  return backups.filter(
    (image) =>
      (instanceId === null || instanceOf(image) === instanceId) &&
      (backupType === undefined || typeOf(image) === backupType),
  );
}

/** The same for those that rotate with each other. */
export function groupOf(image: Image): string {
  return `${instanceOf(image)} ${typeOf(image)}`;
}
