import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  imageChecksum,
  inheritedProperties,
  isReservedProperty,
  lacksChecksum,
  minDiskGiB,
  summariseDisks,
} from '../../../src/model/image-rules.ts';
import { makeImage } from '../../support/sample-images.ts';

const ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';
const GIB = 1024 ** 3;

describe('the checksum of an image', () => {
  it('is that of its file when it has one disk', () => {
    expect(imageChecksum([{ file: 'disk-vda.qcow2', sha256: 'ab'.repeat(32) }]).value).toBe('ab'.repeat(32));
  });

  it('is what sha256sum would print of several disks, hashed, in their order', () => {
    const disks = [
      { file: 'disk-vda.qcow2', sha256: 'a'.repeat(64) },
      { file: 'disk-vdb.raw', sha256: 'b'.repeat(64) },
    ];
    const lines = `${'a'.repeat(64)}  disk-vda.qcow2\n${'b'.repeat(64)}  disk-vdb.raw\n`;
    expect(imageChecksum(disks).value).toBe(createHash('sha256').update(lines).digest('hex'));
    expect(imageChecksum([...disks].reverse()).value).not.toBe(imageChecksum(disks).value);
  });

  it.each([
    ['there is no disk', []],
    [
      'one of them has not been hashed yet',
      [
        { file: 'a', sha256: 'a'.repeat(64) },
        { file: 'b', sha256: null },
      ],
    ],
  ])('is not known while %s', (_, disks) => {
    expect(imageChecksum(disks)).toEqual({ algorithm: 'sha256', value: null });
  });
});

describe('what an image inherits', () => {
  it('is how it wants to be run, and neither signature, encryption-key nor internal properties', () => {
    const base = makeImage(ID, {
      properties: {
        hw_disk_bus: 'scsi',
        os_type: 'linux',
        os_glance_import_task: 'x',
        img_signature: 's',
        img_signature_key_type: 'k',
        cinder_encryption_key_id: 'c',
        cinder_encryption_key_deletion_policy: 'c',
        'owner_specified.openstack.md5': 'm',
        image_type: 'imported',
        image_location: 'imported',
        instance_uuid: 'i',
        team: 'blue',
      },
    });
    expect(inheritedProperties(base)).toEqual({ hw_disk_bus: 'scsi', os_type: 'linux' });
  });

  it('is nothing without an image below', () => {
    expect(inheritedProperties(null)).toEqual({});
  });
});

it.each(['image_type', 'IMAGE_TYPE', 'base_image_ref', 'img_signature_hash_method', 'os_glance_failed_import'])(
  'keeps %s for itself',
  (key) => expect(isReservedProperty(key)).toBe(true),
);

it.each(['hw_disk_bus', 'os_type', 'team', 'image_typed'])('lets a caller state %s', (key) =>
  expect(isReservedProperty(key)).toBe(false),
);

describe('the disk that an image needs', () => {
  it.each([
    [1, 1],
    [GIB, 1],
    [GIB + 1, 2],
    [20 * GIB, 20],
  ])('for %d bytes of root disk is %d GiB', (virtualSizeBytes, expected) => {
    expect(minDiskGiB([{ virtualSizeBytes }, { virtualSizeBytes: 100 * GIB }], null)).toBe(expected);
  });

  it('is no smaller than that of the image below', () => {
    expect(minDiskGiB([{ virtualSizeBytes: GIB }], makeImage(ID, { minDiskGiB: 8 }))).toBe(8);
  });
});

it('sums the lengths of all disks', () => {
  const disks = [
    { sizeBytes: 5, virtualSizeBytes: GIB },
    { sizeBytes: 7, virtualSizeBytes: 2 * GIB },
  ];
  expect(summariseDisks(disks)).toEqual({ sizeBytes: 12, virtualSizeBytes: 3 * GIB });
});

describe('lacksChecksum', () => {
  const unknown = { algorithm: 'sha256', value: null } as const;

  it.each([
    ['an image of cloned files', {}, true],
    ['one whose sums are known', { checksum: { algorithm: 'sha256', value: 'a'.repeat(64) } }, false],
    ['one that failed a verify', { status: 'error' }, false],
    ['one that somebody may unshelve at any time', { properties: { image_type: 'shelved' } }, false],
  ] as const)('of %s is %s', (_, changes, isLacking) => {
    expect(lacksChecksum(makeImage(ID, { checksum: unknown, ...changes }))).toBe(isLacking);
  });
});
