import type { Backup, BackupPlan, BackupStatus } from '../model/backup/backup.ts';
import { DarkroomError } from '../model/errors.ts';
import type { BackupFilter, PlanBackupsRequest } from '../model/requests.ts';
import type { Core } from './support/context.ts';

export async function listBackups(_core: Core, _filter: BackupFilter = {}): Promise<readonly Backup[]> {
  throw new DarkroomError('INTERNAL', 'not made yet');
}

export async function planBackups(_core: Core, _request: PlanBackupsRequest): Promise<readonly BackupPlan[]> {
  throw new DarkroomError('INTERNAL', 'not made yet');
}

export async function readBackupStatus(
  _core: Core,
  _request: { readonly instance?: string; readonly days: number },
): Promise<readonly BackupStatus[]> {
  throw new DarkroomError('INTERNAL', 'not made yet');
}
