import type { Image } from '../../../src/model/image.ts';
import type { Instance, Volume } from '../../../src/model/instance.ts';
import type { Operation } from '../../../src/model/operation.ts';
import type { AuditEvent } from '../../../src/model/ports/audit.ts';
import type { Principal } from '../../../src/model/ports/principals.ts';

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
