import { type Caller, isOwner } from '../model/access.ts';
import type { BackupPlan } from '../model/backup/backup.ts';
import { requireRetention } from '../model/backup/backup-request-rules.ts';
import type { Retention } from '../model/backup/retention.ts';
import type { Image } from '../model/image.ts';
import type { PlanBackupsRequest } from '../model/requests.ts';
import {
  applyRule,
  type BackupSurvey,
  instanceOf,
  isScheduled,
  nameOf,
  ownerOf,
  surveyBackups,
  toBackup,
  typeOf,
} from './steps/backup/backup-survey.ts';
import { groupOf, narrow } from './steps/backup/narrow-backups.ts';
import type { Core } from './support/context.ts';

interface Rule {
  readonly retention: Retention;
  readonly scheduleId: string | null;
  readonly caller: Caller;
}

/** What would stay and what would go of the caller's own backups: by a rule, or by each of the schedules that it sees. */
export async function planBackups(core: Core, request: PlanBackupsRequest): Promise<readonly BackupPlan[]> {
  if (request.retention !== null) requireRetention(request.retention);
  const survey = await surveyBackups(core);
  const own = survey.backups.filter((image) => isOwner(core.caller, image));
  const backups = narrow(core, own, { filter: request, survey });
  return [...new Set(backups.map(groupOf))].flatMap((group) => {
    const members = backups.filter((image) => groupOf(image) === group);
    return rulesFor(core, members, { survey, retention: request.retention })
      .map((rule) => plan(core, members, { rule, survey }))
      .filter((made) => made.backups.length > 0);
  });
}

function rulesFor(
  core: Core,
  [first]: readonly Image[],
  { survey, retention }: { readonly survey: BackupSurvey; readonly retention: Retention | null },
): readonly Rule[] {
  if (first === undefined) return [];
  if (retention !== null) return [{ retention, scheduleId: null, caller: core.caller }];
  return survey.schedules
    .filter((schedule) => isOwner(core.caller, schedule))
    .filter((schedule) => schedule.backupType === typeOf(first) && isScheduled(schedule, instanceOf(first), survey))
    .map((schedule) => ({ retention: schedule.retention, scheduleId: schedule.id, caller: ownerOf(schedule) }));
}

function plan(
  core: Core,
  members: readonly Image[],
  { rule, survey }: { readonly rule: Rule; readonly survey: BackupSurvey },
): BackupPlan {
  const { instances } = survey;
  const [first] = members;
  const instanceId = first === undefined ? '' : instanceOf(first);
  const decided = applyRule(members, rule);
  return {
    instanceId,
    instanceName: nameOf(core.caller, instances.get(instanceId)),
    backupType: first === undefined ? '' : typeOf(first),
    scheduleId: rule.scheduleId,
    backups: decided.map(({ image, keep }) => toBackup(core, image, { keep, instances })),
    freedBytes: decided.reduce((sum, { image, keep }) => sum + (keep.length === 0 ? image.sizeBytes : 0), 0),
  };
}
