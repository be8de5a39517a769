import type { BackupOutcome } from '../../../model/ports/hypervisor.ts';
import * as backup from '../binding/domain-backup.ts';
import * as job from '../binding/domain-job.ts';
import type { Pointer } from '../binding/library.ts';
import { ERROR_CODE, LibvirtError } from '../binding/libvirt-error.ts';
import { type DomainArgs, withDomain } from './with-domain.ts';

interface BeginArgs extends DomainArgs {
  readonly backup: string;
  readonly checkpoint: string | null;
}

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainJobType */
const OUTCOMES: ReadonlyMap<number, BackupOutcome> = new Map([
  [job.JOB_TYPE.completed, 'completed'],
  [job.JOB_TYPE.failed, 'failed'],
  [job.JOB_TYPE.cancelled, 'cancelled'],
]);

export const backupCalls = {
  /** Looks for another job first: libvirt would wait 30 s for its end, and the guest may be frozen. */
  beginBackup(connection: Pointer, { uuid, ...xml }: BeginArgs): 'begun' | 'busy' {
    return withDomain(connection, uuid, (object) => {
      if (job.getJobInfo(object).type !== job.JOB_TYPE.none) return 'busy';
      backup.backupBegin(object, xml, backup.BACKUP_BEGIN.reuseExternal);
      return 'begun';
    });
  },

  /** null when none runs; the job may have ended just after its XML was read. */
  getBackup(connection: Pointer, { uuid }: DomainArgs): { xml: string; job: job.JobInfo } | null {
    return withDomain(connection, uuid, (object) => {
      const xml = readBackup(object);
      if (xml === null) return null;
      const info = unlessIdle(() => job.getJobInfo(object));
      return info === null || info.type === job.JOB_TYPE.none ? null : { xml, job: info };
    });
  },

  /** QEMU has closed the files when this is told; none where the last job was no backup. */
  takeBackupOutcome(connection: Pointer, { uuid }: DomainArgs): BackupOutcome {
    return withDomain(connection, uuid, (object) => {
      unlessIdle(() => job.awaitTurn(object));
      const { type, operation } = job.takeCompletedJob(object);
      return operation === job.JOB_OPERATION.backup ? (OUTCOMES.get(type) ?? 'none') : 'none';
    });
  },

  /** Only where a backup runs, because it would end any other job as well; false where none does. */
  abortBackup(connection: Pointer, { uuid }: DomainArgs): boolean {
    return withDomain(connection, uuid, (object) => {
      if (readBackup(object) === null) return false;
      return unlessIdle(() => job.abortJob(object)) !== null;
    });
  },
};

function readBackup(object: Pointer): string | null {
  try {
    return backup.backupGetXMLDesc(object);
  } catch (error) {
    if (hasCode(error, ERROR_CODE.noDomainBackup) || hasCode(error, ERROR_CODE.noSupport)) return null;
    throw error;
  }
}

/** null when there is no job, or no longer a domain that runs. */
function unlessIdle<T>(use: () => T): T | null {
  try {
    return use();
  } catch (error) {
    if (hasCode(error, ERROR_CODE.operationInvalid)) return null;
    throw error;
  }
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof LibvirtError && error.code === code;
}
