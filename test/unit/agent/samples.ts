import type { Backup, BackupPlan, BackupStatus } from '../../../src/model/backup/backup.ts';
import type { BackupSchedule, ScheduleRun } from '../../../src/model/backup/schedule.ts';
import type { Image } from '../../../src/model/image.ts';
import type { Instance, Volume } from '../../../src/model/instance.ts';
import type { Operation } from '../../../src/model/operation.ts';
import type { AuditEvent } from '../../../src/model/ports/audit.ts';
import type { Principal } from '../../../src/model/ports/principals.ts';
import type { QuotaReport } from '../../../src/model/quota.ts';
import type { RecycledImage } from '../../../src/model/recycled-image.ts';
import type { SnapshotLink } from '../../../src/model/snapshot/chain-link.ts';
import type { Snapshot, SnapshotDeletion } from '../../../src/model/snapshot/snapshot.ts';
import type { StoreDescription, StoreFinding, StoreStatus } from '../../../src/model/store.ts';

const GIB = 1024 ** 3;

export const sampleImage: Image = {
  id: '0b9f5f0a-58a1-4b0e-9d0c-2d5c3b1f7a10',
  name: 'web-golden',
  status: 'active',
  sizeBytes: 1.5 * GIB,
  virtualSizeBytes: 8 * GIB,
  createdAt: '2026-03-01T12:00:00.000Z',
  description: null,
  owner: null,
  visibility: 'private',
  members: [],
  protected: false,
  bootProof: null,
  isEncrypted: false,
  minDiskGiB: 8,
  minMemoryMiB: 512,
  checksum: { algorithm: 'sha256', value: 'ab'.repeat(32) },
  consistency: { requested: 'auto', achieved: 'quiesced', freezeMs: 147, pauseMs: 0 },
  disks: [
    {
      target: 'vda',
      file: 'disk-vda.qcow2',
      format: 'qcow2',
      virtualSizeBytes: 8 * GIB,
      sizeBytes: 1.5 * GIB,
      sha256: 'ab'.repeat(32),
    },
  ],
  skippedDisks: [{ target: 'sda', device: 'cdrom', reason: 'cdrom' }],
  nvram: null,
  tpm: [],
  properties: { image_type: 'snapshot', os_distro: 'debian' },
};

export const sampleRecycledImage: RecycledImage = {
  id: sampleImage.id,
  image: { ...sampleImage, status: 'deleting' },
  sizeBytes: sampleImage.sizeBytes,
  deletedAt: '2026-03-02T12:00:00.000Z',
  deletedBy: 'root',
  expiresAt: '2026-03-09T12:00:00.000Z',
};

export const sampleInstance: Instance = {
  id: '5a3c9d0e-1f2b-4c3d-8e4f-5a6b7c8d9e0f',
  name: 'web-1',
  state: 'active',
  powerState: 'running',
  taskState: null,
  host: 'node-1',
  vcpus: 2,
  memoryMiB: 2048,
  disks: [{ target: 'vda', device: 'disk', path: '/srv/web-1.qcow2', format: 'qcow2', isReadOnly: false }],
  macs: ['52:54:00:12:34:56'],
  addresses: [{ mac: '52:54:00:12:34:56', address: '192.168.122.10', prefix: 24, source: 'agent' }],
  owner: null,
  labels: { env: 'prod' },
  imageId: null,
};

export const sampleVolume: Volume = {
  id: '7c6b5a49-3827-4615-8493-a2b1c0d9e8f7',
  instance: sampleInstance.id,
  instanceName: sampleInstance.name,
  target: 'vda',
  path: '/srv/web-1.qcow2',
  format: 'qcow2',
  virtualSizeBytes: 8 * GIB,
  sizeBytes: 1.5 * GIB,
};

const MIB = 1024 ** 2;

/** The second of its volume: what changed since the first. */
export const sampleSnapshot: Snapshot = {
  id: '7c6b5a49-1111-4a1b-8c2d-3e4f5a6b7c02',
  volume: sampleVolume.id,
  instance: sampleInstance.id,
  instanceName: sampleInstance.name,
  target: 'vda',
  setId: '1e1c0f57-8d9a-4a67-9b7e-5d1f2a3b4c02',
  createdAt: '2026-03-02T12:00:00.000Z',
  description: 'before the upgrade',
  owner: null,
  shares: [{ principal: 'ann', expiresAt: '2036-03-02T12:00:00.000Z' }],
  status: 'active',
  parent: '0b9f5f0a-2222-4a1b-8c2d-3e4f5a6b7c01',
  method: 'compare',
  reason: 'the bitmap was lost',
  consistency: { requested: 'auto', achieved: 'quiesced', freezeMs: 12, pauseMs: 0 },
  logicalBytes: 8 * GIB,
  sizeBytes: 66 * MIB,
  storedBytes: 64 * MIB,
  exclusiveBytes: 12 * MIB,
  chainLength: 2,
  sha256: 'cd'.repeat(32),
  isCompressed: false,
  isEncrypted: false,
  volumeFormat: 'qcow2',
  users: [{ host: 'node-1', path: '/srv/thin.qcow2', since: '2026-03-03T12:00:00.000Z' }],
};

const ROOT_SNAPSHOT: SnapshotLink = {
  ...sampleSnapshot,
  id: '0b9f5f0a-2222-4a1b-8c2d-3e4f5a6b7c01',
  createdAt: '2026-03-01T12:00:00.000Z',
  parent: null,
  method: 'full',
  reason: null,
  storedBytes: 1.5 * GIB,
  chainLength: 1,
  users: [],
  isHidden: true,
};

/** Below it one that is hidden, above it two. */
export const sampleChain: readonly SnapshotLink[] = [
  ROOT_SNAPSHOT,
  { ...sampleSnapshot, isHidden: false },
  ...['3', '4'].map((digit): SnapshotLink => {
    const id = `${digit.repeat(8)}-3333-4a1b-8c2d-3e4f5a6b7c03`;
    return { ...sampleSnapshot, id, parent: sampleSnapshot.id, method: 'bitmap', storedBytes: MIB, isHidden: false };
  }),
];

export const sampleDeletion: SnapshotDeletion = {
  id: sampleSnapshot.id,
  freedBytes: 12 * MIB,
  rewritten: ['33333333-3333-4a1b-8c2d-3e4f5a6b7c03'],
  isEstimate: false,
  isKeptHidden: false,
};

export const sampleQuota: QuotaReport = {
  owner: 'ann',
  images: { count: 2, bytes: 3 * GIB, maxCount: 10, maxBytes: null },
  snapshots: { count: 5, bytes: 64 * MIB, maxCount: null, maxBytes: GIB },
};

export const sampleOperation: Operation = {
  id: 'op-0',
  kind: 'image.create',
  target: 'web-1',
  requestedBy: 'root',
  status: 'running',
  step: 'prepare',
  progress: null,
  startedAt: '2026-03-01T12:00:00.000Z',
  endedAt: null,
  error: null,
  timings: { freezeMs: 147 },
  result: {},
  warnings: [],
};

export const samplePrincipal: Principal = {
  name: 'ann',
  role: 'operator',
  createdAt: '2026-03-01T12:00:00.000Z',
  hasToken: true,
};

export const sampleAuditEvent: AuditEvent = {
  at: '2026-03-01T12:00:00.000Z',
  principal: 'ann',
  action: 'POST /v1/images',
  target: null,
  httpStatus: 202,
  errorCode: null,
  operationId: 'op-0',
};

export const sampleSchedule: BackupSchedule = {
  id: '5c3f2c1e-6c1c-4f5e-9d55-0f6a1f6f7a01',
  selector: { kind: 'instance', instanceId: sampleInstance.id },
  cron: '15 3 * * *',
  timezone: 'Europe/Berlin',
  backupType: 'daily',
  retention: { kind: 'rotation', count: 7 },
  consistency: 'auto',
  policy: { consistency: 'quiesced', maxAgeMs: 93_600_000 },
  jitterMs: 0,
  bootEvery: 0,
  isPaused: false,
  owner: 'root',
  role: 'admin',
  createdAt: '2026-03-01T12:00:00.000Z',
  handledUntil: '2026-03-01T12:00:00.000Z',
};

export const sampleScheduleRun: ScheduleRun = {
  id: '0f1de6a4-6a8e-4d3e-8b0d-2a8a5f1c9b02',
  scheduleId: sampleSchedule.id,
  instanceId: sampleInstance.id,
  instanceName: sampleInstance.name,
  dueAt: '2026-03-02T02:15:00.000Z',
  status: 'failed',
  startAt: null,
  attempts: 3,
  operationId: null,
  imageId: null,
  reason: { code: 'NO_SPACE', message: 'the store is full' },
  endedAt: '2026-03-02T02:40:00.000Z',
};

export const sampleBackup: Backup = {
  ...sampleImage,
  properties: {
    ...sampleImage.properties,
    image_type: 'backup',
    backup_type: 'daily',
    instance_uuid: sampleInstance.id,
  },
  instanceName: sampleInstance.name,
  keep: ['rotation-1'],
};

export const sampleBackupPlan: BackupPlan = {
  instanceId: sampleInstance.id,
  instanceName: sampleInstance.name,
  backupType: 'daily',
  scheduleId: sampleSchedule.id,
  backups: [sampleBackup, { ...sampleBackup, id: '7b1f0c5a-22a4-4bd0-8f5d-7f2f9c1d3e03', keep: [] }],
  freedBytes: sampleImage.sizeBytes,
};

export const sampleBackupStatus: BackupStatus = {
  instanceId: sampleInstance.id,
  instanceName: sampleInstance.name,
  lastBackup: {
    imageId: sampleImage.id,
    backupType: 'daily',
    createdAt: sampleImage.createdAt,
    ageMs: 86_400_000,
    consistency: 'quiesced',
  },
  lastBoot: { imageId: sampleImage.id, at: '2026-03-02T04:00:00.000Z', hasBooted: true },
  nextRunAt: '2026-03-03T02:15:00.000Z',
  scheduleIds: [sampleSchedule.id],
  failures: 1,
  lastFailure: { at: '2026-03-02T02:40:00.000Z', code: 'NO_SPACE', message: 'the store is full' },
  alerts: ['no backup that is quiesced for 26 hours'],
  days: [
    { date: '2026-03-01', outcome: 'good', consistency: 'quiesced' },
    { date: '2026-03-02', outcome: 'failed' },
  ],
};

export const sampleStore: StoreDescription = {
  name: 'default',
  kind: 's3',
  location: 's3://images/darkroom',
  isDefault: true,
};

export const sampleStoreStatus: StoreStatus = {
  ...sampleStore,
  isReachable: true,
  error: null,
  images: { count: 3, bytes: 6 * 1024 ** 3 },
  snapshots: { count: 12, bytes: 2 * 1024 ** 3 },
  deletedImages: { count: 1, bytes: 1024 ** 3 },
  shelvedInstances: 2,
  freeBytes: null,
  cache: { path: '/var/cache/darkroom/images~darkroom', files: 4, usedBytes: 1024 ** 3, limitBytes: 50 * 1024 ** 3 },
};

export const sampleFinding: StoreFinding = {
  kind: 'unpublished-image',
  subject: '7a6b5c4d-0000-4000-8000-00000000000f',
  message: 'The image has files and no manifest.',
  bytes: 1024 ** 2,
  since: '2026-02-27T12:00:00.000Z',
  isRemovable: true,
};
