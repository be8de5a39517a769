import type { Hypervisor } from '../../model/ports/hypervisor.ts';
import type { Caller } from './caller.ts';

type BackupsPart = Pick<Hypervisor, 'beginBackup' | 'getBackup' | 'takeBackupOutcome' | 'abortBackup'>;

export function createBackupsPart(_caller: Caller): BackupsPart {
  const missing = async (): Promise<never> => {
    throw new Error('not there yet');
  };
  return { beginBackup: missing, getBackup: missing, takeBackupOutcome: missing, abortBackup: missing };
}
