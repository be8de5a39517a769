import { randomUUID } from 'node:crypto';
import type { ShelfClaim, ShelvedInstance } from '../../src/model/shelved-instance.ts';

const OWNERSHIP = { uid: 64055, gid: 107, mode: 0o600 };

/** A shelved instance with one of everything. */
export function makeShelved(id: string, changes: Partial<ShelvedInstance> = {}): ShelvedInstance {
  const sha256 = 'a'.repeat(64);
  return {
    version: 1,
    owner: null,
    labels: { env: 'prod' },
    id,
    name: 'web',
    state: 'shelved_offloaded',
    host: 'host-1',
    shelvedAt: '2026-01-02T03:04:05.678Z',
    imageId: randomUUID(),
    isImageDeferred: false,
    powerState: 'running',
    isAutostart: true,
    vcpus: 2,
    memoryMiB: 512,
    macs: ['52:54:00:12:34:56'],
    disks: [
      {
        target: 'vda',
        path: '/var/lib/libvirt/images/web server.qcow2',
        format: 'qcow2',
        virtualSizeBytes: 1 << 30,
        ownership: OWNERSHIP,
        basePath: '/var/lib/libvirt/images/base.qcow2',
        inode: 1234567,
        sizeBytes: 196624,
        modifiedMs: 1_767_000_000_123.25,
      },
    ],
    files: [
      {
        file: 'nvram.fd',
        sizeBytes: 131072,
        sha256,
        path: '/var/lib/libvirt/qemu/nvram/web_VARS.fd',
        ownership: OWNERSHIP,
      },
    ],
    memory: { file: 'memory.save', sizeBytes: 4096, sha256 },
    checkpoints: [{ name: 'snap 1', file: 'checkpoints/0.xml' }],
    reservations: [{ network: 'default', mac: '52:54:00:12:34:56', address: '192.168.122.10', name: null }],
    made: { imageId: randomUUID(), folder: `/var/lib/darkroom/instances/${id}`, files: ['vda.qcow2', 'seed.iso'] },
    ...changes,
  };
}

/** A claim by an operation of its own. */
export function makeClaim(instanceId: string, host = 'host-1'): ShelfClaim {
  return { instanceId, host, operationId: randomUUID(), kind: 'instance.unshelve', since: '2026-01-02T03:04:05.678Z' };
}
