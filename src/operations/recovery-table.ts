import { recoverConsolidateSnapshots } from './consolidate-snapshots.ts';
import { recoverCopyImage } from './copy-image.ts';
import { recoverCopySnapshot } from './copy-snapshot.ts';
import { recoverCreateBackup } from './create-backup.ts';
import { recoverCreateImage } from './create-image.ts';
import { recoverCreateSnapshot } from './create-snapshot.ts';
import { recoverCreateVolume } from './create-volume.ts';
import { recoverDeleteImage } from './delete-image.ts';
import { recoverDeleteInstance } from './delete-instance.ts';
import { recoverDeleteSnapshot } from './delete-snapshot.ts';
import { recoverExportImage } from './export-image.ts';
import { recoverExportSnapshot } from './export-snapshot.ts';
import { recoverImageFromSnapshot } from './image-from-snapshot.ts';
import { recoverImportImage } from './import-image.ts';
import { recoverImportSnapshot } from './import-snapshot.ts';
import { recoverLaunchInstance } from './launch-instance.ts';
import { recoverMountSnapshot } from './mount-snapshot.ts';
import { recoverPullImage } from './pull-image.ts';
import { recoverPushImage } from './push-image.ts';
import { recoverRestoreSnapshot } from './restore-snapshot.ts';
import { recoverShelve } from './shelve-instance.ts';
import { recoverRebootInstance } from './stop-instance.ts';
import type { RecoveryTable } from './support/recover-operations.ts';
import { recoverUnshelve } from './unshelve-instance.ts';
import { recoverVerifyImage } from './verify-image.ts';
import { recoverVerifySnapshot } from './verify-snapshot.ts';

/** How each kind of operation is put right after its process died; one that is not here leaves nothing to mend. */
export const RECOVERY: RecoveryTable = {
  'image.create': recoverCreateImage,
  'backup.create': recoverCreateBackup,
  'image.import': recoverImportImage,
  'image.export': recoverExportImage,
  'image.verify': recoverVerifyImage,
  'image.copy': recoverCopyImage,
  'image.push': recoverPushImage,
  'image.pull': recoverPullImage,
  'image.delete': recoverDeleteImage,
  'snapshot.create': recoverCreateSnapshot,
  'snapshot.delete': recoverDeleteSnapshot,
  'snapshot.consolidate': recoverConsolidateSnapshots,
  'snapshot.restore': recoverRestoreSnapshot,
  'volume.create': recoverCreateVolume,
  'image.from-snapshot': recoverImageFromSnapshot,
  'snapshot.verify': recoverVerifySnapshot,
  'snapshot.export': recoverExportSnapshot,
  'snapshot.import': recoverImportSnapshot,
  'snapshot.copy': recoverCopySnapshot,
  'snapshot.mount': recoverMountSnapshot,
  'instance.launch': recoverLaunchInstance,
  'instance.delete': recoverDeleteInstance,
  'instance.reboot': recoverRebootInstance,
  'instance.shelve': recoverShelve,
  'instance.offload': recoverShelve,
  'instance.unshelve': recoverUnshelve,
};
