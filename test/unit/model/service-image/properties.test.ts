import { expect, it } from 'vitest';
import type { ServiceImage } from '../../../../src/model/ports/image-service.ts';
import { judgePull } from '../../../../src/model/service-image/judge-pull.ts';
import { pulledProperties } from '../../../../src/model/service-image/pull-properties.ts';
import { pushedProperties } from '../../../../src/model/service-image/push-properties.ts';

const ID = '7a0d7b86-2a53-4f3a-8f0e-a2b4b7a0c001';

it.each([
  ...['image_type', 'instance_uuid', 'user_id', 'base_image_ref', 'image_location', 'backup_type'],
  ...['hw_disk_bus', 'hw_firmware_type', 'os_type', 'os_distro', 'team', 'glance', 'description'],
])('takes the property %s along to an image service', (key) => {
  expect(pushedProperties({ properties: { [key]: 'x' }, description: null })).toMatchObject({ [key]: 'x' });
});

it.each([
  ...['img_signature', 'img_signature_key_type', 'signature_verified', 'cinder_encryption_key_id'],
  ...[
    'os_glance_import_task',
    'os_hash_value',
    'os_hash_algo',
    'os_hidden',
    'owner',
    'status',
    'checksum',
    'size',
    'id',
  ],
  ...['Owner', 'tags', 'protected', 'locations', 'kernel_id', 'ramdisk_id', 'glance_image_id', 'glance_service'],
])('leaves the property %s behind', (key) => {
  expect(pushedProperties({ properties: { [key]: 'x' }, description: null })).toEqual({ image_state: 'available' });
});

it('takes the description along as a property, where the image has none of that name', () => {
  expect(pushedProperties({ properties: {}, description: 'on Monday' })).toMatchObject({ description: 'on Monday' });
  const own = pushedProperties({ properties: { description: 'own' }, description: 'on Monday' });
  expect(own).toMatchObject({ description: 'own' });
});

it('brings along how an image wants to be run, and where it is from', () => {
  const properties = { hw_disk_bus: 'scsi', os_type: 'linux', team: 'blue' };
  expect(pulledProperties('glance:main', { id: ID, properties })).toEqual({
    properties: { ...properties, glance_service: 'glance:main', glance_image_id: ID },
    dropped: [],
  });
});

it.each([
  ...['image_type', 'instance_uuid', 'base_image_ref', 'user_id', 'owner_id', 'img_signature', 'kernel_id'],
  ...['block_device_mapping', 'description', 'owner_user_name', 'glance_service', 'cinder_encryption_key_id'],
])('does not bring along %s, which others vouch for', (key) => {
  const { properties, dropped } = pulledProperties('glance:main', { id: ID, properties: { [key]: 'x' } });
  expect(properties).toEqual({ glance_service: 'glance:main', glance_image_id: ID });
  expect(dropped).toEqual([]);
});

it('names what an image here cannot have', () => {
  const properties = { hw_disk_bus: 'fdc', long: 'x'.repeat(256), 'a key': 'x', bell: '\u0007', fine: 'x' };
  const pulled = pulledProperties('glance:main', { id: ID, properties });
  expect(pulled.dropped).toEqual(['hw_disk_bus', 'long', 'a key', 'bell']);
  expect(pulled.properties['fine']).toBe('x');
});

it('brings along no more than an image can have', () => {
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`key${index}`, 'x']));
  const { properties, dropped } = pulledProperties('glance:main', { id: ID, properties: many });
  expect(Object.keys(properties).length).toBe(122);
  expect(dropped.length).toBe(180);
});

const GOOD: ServiceImage = {
  id: ID,
  name: 'debian',
  status: 'active',
  diskFormat: 'qcow2',
  containerFormat: 'bare',
  sizeBytes: 7,
  virtualSizeBytes: null,
  minDiskGiB: 0,
  minMemoryMiB: 0,
  visibility: 'public',
  isProtected: false,
  owner: null,
  createdAt: '',
  hash: null,
  properties: {},
};

it.each(['qcow2', 'raw'] as const)('takes an active image in %s', (format) => {
  expect(judgePull({ ...GOOD, diskFormat: format })).toEqual({ isTaken: true, format, sizeBytes: 7 });
});

it.each([
  [{ status: 'queued' }, 'is queued'],
  [{ status: 'deactivated' }, 'is deactivated'],
  [{ diskFormat: 'vmdk' }, 'vmdk'],
  [{ diskFormat: null }, '(none)'],
  [{ containerFormat: 'docker' }, 'docker'],
  [{ sizeBytes: null }, 'does not tell'],
  [{ sizeBytes: 0 }, 'is empty'],
])('does not take %o', (changes, words) => {
  const verdict = judgePull({ ...GOOD, ...changes });
  expect(verdict.isTaken ? '' : verdict.reason).toContain(words);
});
