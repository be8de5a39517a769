import { describeDomain } from '../../src/model/domain-xml/describe-domain.ts';
import { DarkroomError } from '../../src/model/errors.ts';
import type { BackupJob, BackupOutcome, BackupRequest, Hypervisor } from '../../src/model/ports/hypervisor.ts';
import { addCheckpoint, type CheckpointedDomain, type FakeDomains, requireBitmap } from './fake-checkpoints.ts';

/** What of a fake domain concerns its backups. */
export interface BackedUpDomain extends CheckpointedDomain {
  readonly uuid: string;
  /** null while none runs. */
  backup: (BackupJob & { readonly request: BackupRequest }) | null;
  /** Of the last one, until it is taken. */
  backupOutcome: BackupOutcome;
}

/** What tests say of backups, and see of them. */
export interface FakeBackups {
  /** What was begun, in order. */
  readonly begun: { readonly uuid: string; readonly request: BackupRequest }[];
  /** Copies data into the targets, at the instant of the backup; without it they stay as they are. */
  onBegin: (uuid: string, request: BackupRequest) => Promise<void> | void;
  /** How every backup ends as soon as it was begun; null: each runs until end() or an abort. */
  endsAtOnce: BackupOutcome | null;
  /** Bytes. */
  progress(uuid: string, of: { readonly done: number; readonly total: number }): void;
  /** Ends the one that runs. */
  end(uuid: string, outcome?: BackupOutcome): void;
}

type BackupsPart = Pick<Hypervisor, 'beginBackup' | 'getBackup' | 'takeBackupOutcome' | 'abortBackup'>;

interface BackupWorld extends FakeDomains<BackedUpDomain> {
  /** Tells listeners that the job of a disk ended. */
  readonly onEnd: (uuid: string, disk: string, outcome: BackupOutcome) => void;
}

/** Push backups in memory: they write nothing by themselves. */
export function createFakeBackups(world: BackupWorld): BackupsPart & { readonly backups: FakeBackups } {
  const { get, getActive, failed } = world;
  const backups: FakeBackups = {
    begun: [],
    onBegin: () => {},
    endsAtOnce: 'completed',
    progress: (uuid, of) => {
      const domain = get(uuid);
      if (domain.backup !== null) domain.backup = { ...domain.backup, ...of };
    },
    end: (uuid, outcome = 'completed') => endBackup(world, get(uuid), outcome),
  };
  return {
    backups,
    beginBackup: async (uuid, request) => {
      const domain = getActive(uuid);
      assertFeasible(domain, request, failed);
      backups.begun.push({ uuid, request });
      const paths = request.disks.map(({ path }) => path);
      domain.backup = { request, paths, done: 0, total: 100 * paths.length };
      if (request.checkpoint !== null) addCheckpoint(domain, request.checkpoint);
      await backups.onBegin(uuid, request);
      if (backups.endsAtOnce !== null) endBackup(world, domain, backups.endsAtOnce);
    },
    getBackup: async (uuid) => {
      const { backup } = get(uuid);
      return backup === null ? null : { paths: backup.paths, done: backup.done, total: backup.total };
    },
    takeBackupOutcome: async (uuid) => {
      const domain = get(uuid);
      const { backupOutcome } = domain;
      domain.backupOutcome = 'none';
      return backupOutcome;
    },
    abortBackup: async (uuid) => endBackup(world, get(uuid), 'cancelled'),
  };
}

function assertFeasible(
  domain: BackedUpDomain,
  { disks, checkpoint }: BackupRequest,
  failed: (message: string) => Error,
): void {
  if (domain.backup !== null) throw new DarkroomError('INSTANCE_BUSY', 'another job goes on');
  const known = new Map(describeDomain(domain.activeXml ?? '').disks.map((disk) => [disk.target, disk]));
  if (disks.length === 0) throw failed('a backup without disks would be one of all disks');
  for (const { target, incremental } of disks) {
    if (!known.has(target)) throw failed(`no disk named '${target}'`);
    if (incremental !== null) requireBitmap(domain, target, incremental);
  }
  if (checkpoint === null) return;
  if (domain.checkpoints.some(({ name }) => name === checkpoint.name)) throw failed('Bitmap already exists');
  for (const target of checkpoint.targets) {
    if (known.get(target)?.format !== 'qcow2') throw failed(`checkpoint for disk ${target} unsupported`);
  }
}

function endBackup({ onEnd }: BackupWorld, domain: BackedUpDomain, outcome: BackupOutcome): void {
  const { backup, uuid } = domain;
  if (backup === null) return;
  domain.backup = null;
  domain.backupOutcome = outcome;
  for (const { target } of backup.request.disks) onEnd(uuid, target, outcome);
}
