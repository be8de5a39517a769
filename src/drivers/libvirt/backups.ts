import { setTimeout as sleep } from 'node:timers/promises';
import { DarkroomError } from '../../model/errors.ts';
import type { BackupRequest, Hypervisor } from '../../model/ports/hypervisor.ts';
import { ERROR_CODE, LibvirtError } from './binding/libvirt-error.ts';
import type { Caller, CallSubject } from './caller.ts';
import { failure, translateError } from './translate-error.ts';

type BackupsPart = Pick<Hypervisor, 'beginBackup' | 'getBackup' | 'takeBackupOutcome' | 'abortBackup'>;

/** libvirt answers when it has asked for the end; QEMU finishes the requests under way before it ends. */
const ABORT = { pollMs: 50, limitMs: 60_000 } as const;

/** XML is read and written by code that is loaded when it is needed: most commands need none of it. */
export function createBackupsPart(caller: Caller): BackupsPart {
  return {
    beginBackup: (uuid, request) => beginBackup(caller, uuid, request),

    async getBackup(uuid) {
      const found = await caller.call('getBackup', { uuid }, { uuid, task: 'look at the backup of the domain' });
      if (found === null) return null;
      const { readBackupPaths } = await import('../../model/domain-xml/backup-xml.ts');
      return { paths: readBackupPaths(found.xml), done: found.job.fileProcessed, total: found.job.fileTotal };
    },

    takeBackupOutcome: (uuid) =>
      caller.call('takeBackupOutcome', { uuid }, { uuid, task: 'tell what became of the backup of the domain' }),

    abortBackup: (uuid) => abortBackup(caller, uuid),
  };
}

async function beginBackup(caller: Caller, uuid: string, request: BackupRequest): Promise<void> {
  // its guest may be frozen meanwhile
  const subject = { uuid, task: 'start a backup of the domain', urgency: 'prompt' } as const;
  const xml = await buildXml(request);
  let begun: 'begun' | 'busy';
  try {
    begun = await caller.callRaw('beginBackup', { uuid, ...xml }, subject);
  } catch (error) {
    throw isBusy(error) ? otherJob(caller, error, subject) : translateError(error, { uri: caller.uri, ...subject });
  }
  if (begun === 'begun') return;
  throw new DarkroomError('INSTANCE_BUSY', busyMessage(subject, 'another job goes on'), { fields: { instance: uuid } });
}

async function buildXml({ disks, checkpoint }: BackupRequest): Promise<{ backup: string; checkpoint: string | null }> {
  const { buildBackupXml } = await import('../../model/domain-xml/backup-xml.ts');
  const { buildCheckpointXml } = await import('../../model/domain-xml/checkpoint-xml.ts');
  const backup = buildBackupXml(disks);
  if (checkpoint === null) return { backup, checkpoint: null };
  return { backup, checkpoint: buildCheckpointXml({ ...checkpoint, allTargets: checkpoint.targets }) };
}

/** A job that began in the moment after the look for one: libvirt waited for its end in vain, or saw that it is a backup. */
function isBusy(error: unknown): error is LibvirtError {
  if (!(error instanceof LibvirtError) || error.isConnectionLost) return false;
  if (error.code === ERROR_CODE.operationTimeout) return true;
  return (
    error.code === ERROR_CODE.operationInvalid && /another (backup )?job|already running|block job/i.test(error.message)
  );
}

function otherJob(
  caller: Caller,
  error: LibvirtError,
  subject: CallSubject & { readonly uuid: string },
): DarkroomError {
  return failure('INSTANCE_BUSY', busyMessage(subject, error.message), {
    error,
    attempt: { uri: caller.uri, ...subject },
  });
}

function busyMessage({ task, uuid }: { readonly task: string; readonly uuid: string }, reason: string): string {
  return `libvirt could not ${task} (instance ${uuid}): ${reason}. Try again when it is done.`;
}

async function abortBackup(caller: Caller, uuid: string): Promise<void> {
  const subject = { uuid, task: 'end the backup of the domain' };
  if (!(await caller.call('abortBackup', { uuid }, subject))) return;
  const endMs = performance.now() + ABORT.limitMs;
  while ((await caller.call('getBackup', { uuid }, subject)) !== null) {
    if (performance.now() > endMs) throw stillRuns(uuid);
    await sleep(ABORT.pollMs);
  }
}

function stillRuns(uuid: string): DarkroomError {
  return new DarkroomError(
    'LIBVIRT_FAILED',
    `The backup of instance ${uuid} still runs ${ABORT.limitMs / 1000} s after libvirt was asked to end it.`,
    { fields: { instance: uuid } },
  );
}
