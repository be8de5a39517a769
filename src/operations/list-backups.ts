import type { Backup } from '../model/backup/backup.ts';
import type { Image } from '../model/image.ts';
import { takePage } from '../model/pages.ts';
import type { BackupFilter } from '../model/requests.ts';
import {
  applyRule,
  type BackupSurvey,
  instanceOf,
  isScheduled,
  listVisible,
  ownerOf,
  surveyBackups,
  toBackup,
  typeOf,
} from './steps/backup/backup-survey.ts';
import { groupOf, narrow } from './steps/backup/narrow-backups.ts';
import type { Core } from './support/context.ts';

/** The backups that the caller may see, newest first, each with what keeps it by all schedules of its instance and type. */
export async function listBackups(core: Core, filter: BackupFilter = {}): Promise<readonly Backup[]> {
  const survey = await surveyBackups(core);
  const visible = listVisible(core, survey);
  const page = takePage(narrow(core, visible, { filter, survey }), filter);
  const reasons = collectReasons(survey, page);
  return page.map((image) => {
    const keep = reasons.get(image.id) ?? [];
    return toBackup(core, image, { keep, instances: survey.instances });
  });
}

/** By image. A rule looks at all backups of an instance and type, whichever of them are asked for. */
function collectReasons(survey: BackupSurvey, asked: readonly Image[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Set(asked.map(groupOf));
  const reasons = new Map<string, readonly string[]>();
  for (const group of groups) {
    for (const [id, keep] of reasonsOf(
      survey,
      survey.backups.filter((image) => groupOf(image) === group),
    )) {
      reasons.set(id, keep);
    }
  }
  return reasons;
}

function reasonsOf(survey: BackupSurvey, group: readonly Image[]): ReadonlyMap<string, readonly string[]> {
  const reasons = new Map<string, Set<string>>();
  for (const schedule of schedulesOf(survey, group)) {
    for (const { image, keep } of applyRule(group, { retention: schedule.retention, caller: ownerOf(schedule) })) {
      reasons.set(image.id, new Set([...(reasons.get(image.id) ?? []), ...keep]));
    }
  }
  return new Map(group.map((image) => [image.id, [...(reasons.get(image.id) ?? reasonsWithoutRule(image))]]));
}

function schedulesOf(survey: BackupSurvey, [first]: readonly Image[]) {
  if (first === undefined) return [];
  return survey.schedules.filter(
    (schedule) => schedule.backupType === typeOf(first) && isScheduled(schedule, instanceOf(first), survey),
  );
}

/** Nothing lets it go, protected or not. */
function reasonsWithoutRule({ protected: isProtected }: Image): readonly string[] {
  return ['no rule', ...(isProtected ? ['protected'] : [])];
}
