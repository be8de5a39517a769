import { z } from 'zod';
import { backupPlanSchema, backupSchema, backupStatusSchema } from './backups.ts';
import { errorBodySchema } from './errors.ts';
import { imageSchema, recycledImageSchema } from './images.ts';
import { instanceSchema, volumeSchema } from './instances.ts';
import { doctorReportSchema, operationSchema } from './operations.ts';
import { auditEventSchema, principalSchema } from './principals.ts';
import { quotaSchema } from './quota.ts';
import { scheduleRunSchema, scheduleSchema } from './schedules.ts';
import { snapshotDeletionSchema, snapshotLinkSchema, snapshotSchema } from './snapshots.ts';
import { storeFindingSchema, storeSchema, storeStatusSchema } from './stores.ts';

/** What the document of the API calls the things that answers are made of. */
export function createNamedSchemas() {
  const named = z.registry<{ id: string }>();
  named.add(imageSchema, { id: 'Image' });
  named.add(recycledImageSchema, { id: 'RecycledImage' });
  named.add(instanceSchema, { id: 'Instance' });
  named.add(volumeSchema, { id: 'Volume' });
  named.add(snapshotSchema, { id: 'Snapshot' });
  named.add(snapshotLinkSchema, { id: 'SnapshotLink' });
  named.add(snapshotDeletionSchema, { id: 'SnapshotDeletion' });
  named.add(storeSchema, { id: 'Store' });
  named.add(storeStatusSchema, { id: 'StoreStatus' });
  named.add(storeFindingSchema, { id: 'StoreFinding' });
  named.add(quotaSchema, { id: 'Quota' });
  named.add(backupSchema, { id: 'Backup' });
  named.add(backupPlanSchema, { id: 'BackupPlan' });
  named.add(backupStatusSchema, { id: 'BackupStatus' });
  named.add(scheduleSchema, { id: 'BackupSchedule' });
  named.add(scheduleRunSchema, { id: 'ScheduleRun' });
  named.add(operationSchema, { id: 'Operation' });
  named.add(principalSchema, { id: 'Principal' });
  named.add(auditEventSchema, { id: 'AuditEvent' });
  named.add(doctorReportSchema, { id: 'DoctorReport' });
  named.add(errorBodySchema, { id: 'Error' });
  return named;
}
