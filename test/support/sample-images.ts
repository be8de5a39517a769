import { writeFileSync } from 'node:fs';
import type { Image } from '../../src/model/image.ts';
import type { ImageDraft, ImageStore } from '../../src/model/ports/image-store.ts';

/** An image of one disk; each file of it holds its own name. */
export function makeImage(id: string, changes: Partial<Image> = {}): Image {
  return {
    id,
    name: `image ${id.slice(0, 8)}`,
    status: 'active',
    sizeBytes: 14,
    virtualSizeBytes: 1073741824,
    createdAt: '2024-03-01T12:00:00.000Z',
    description: null,
    owner: null,
    visibility: 'private',
    members: [],
    protected: false,
    bootProof: null,
    isEncrypted: false,
    minDiskGiB: 1,
    minMemoryMiB: 0,
    checksum: { algorithm: 'sha256', value: 'a'.repeat(64) },
    consistency: { requested: 'auto', achieved: 'paused', freezeMs: 0, pauseMs: 9.5, reason: 'no guest agent' },
    disks: [
      {
        target: 'vda',
        file: 'disk-vda.qcow2',
        format: 'qcow2',
        virtualSizeBytes: 1073741824,
        sizeBytes: 14,
        sha256: 'a'.repeat(64),
      },
    ],
    skippedDisks: [],
    nvram: null,
    tpm: [],
    properties: { image_type: 'snapshot', hw_disk_bus: 'virtio' },
    ...changes,
  };
}

/** Writes and seals every file that the image names. */
export async function fillDraft(draft: ImageDraft, image: Image): Promise<void> {
  const nvram = image.nvram === null ? [] : [image.nvram];
  for (const { file } of [...image.disks, ...nvram, ...image.tpm]) {
    writeFileSync(draft.path(file), file);
    await draft.seal(file);
  }
}

export async function publishImage(store: ImageStore, image: Image): Promise<void> {
  const draft = await store.createDraft(image.id);
  await fillDraft(draft, image);
  await draft.publish(image);
}
