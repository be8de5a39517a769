import { describe, expect, it } from 'vitest';
import { captureProperties } from '../../../src/model/capture-properties.ts';
import { describeDomain } from '../../../src/model/domain-xml/describe-domain.ts';
import type { Image } from '../../../src/model/image.ts';
import { makeImage } from '../../support/sample-images.ts';

const UUID = '11111111-2222-3333-4444-555555555555';
const BASE_ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';

const FULL = `<domain type='kvm'><name>web</name><uuid>${UUID}</uuid><memory>1048576</memory>
  <os firmware='efi'><type arch='aarch64' machine='virt-7.2'>hvm</type></os>
  <devices>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
    <disk type='file' device='disk'><target dev='sdb' bus='scsi'/></disk>
    <disk type='file' device='disk'><target dev='vda' bus='virtio'/></disk>
    <interface type='network'><model type='e1000e'/></interface>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>
  </devices></domain>`;

function propertiesOf(xml: string, options: { base?: Image; stated?: Record<string, string> } = {}) {
  const { base = null, stated = {} } = options;
  return captureProperties({
    ...{ description: describeDomain(xml), base, userId: 'alice', stated },
    type: { imageType: 'snapshot' },
  });
}

describe('properties of a captured image', () => {
  it('row 11: say where it comes from and how the machine was made', () => {
    expect(propertiesOf(FULL)).toEqual({
      image_type: 'snapshot',
      image_location: 'snapshot',
      image_state: 'available',
      instance_uuid: UUID,
      user_id: 'alice',
      base_image_ref: '',
      hw_architecture: 'aarch64',
      hw_firmware_type: 'uefi',
      hw_machine_type: 'virt-7.2',
      hw_disk_bus: 'scsi',
      hw_vif_model: 'e1000e',
      hw_qemu_guest_agent: 'yes',
      hw_tpm_version: '2.0',
    });
  });

  it('say nothing of devices that there are not', () => {
    const bare = `<domain type='qemu'><name>bare</name><uuid>${UUID}</uuid><os><type>hvm</type></os><devices/></domain>`;
    const told = Object.keys(propertiesOf(bare)).filter((key) => key.startsWith('hw_'));
    expect(told.sort()).toEqual(['hw_architecture', 'hw_firmware_type']);
  });

  it('row 12: take over how the base image wants to be run, and name that image', () => {
    const base = makeImage(BASE_ID, {
      properties: {
        hw_rng_model: 'virtio',
        os_distro: 'debian',
        team: 'blue',
        image_type: 'imported',
        base_image_ref: 'x',
      },
    });
    expect(propertiesOf(FULL, { base })).toMatchObject({
      hw_rng_model: 'virtio',
      os_distro: 'debian',
      base_image_ref: BASE_ID,
      image_type: 'snapshot',
    });
    expect(propertiesOf(FULL, { base })).not.toHaveProperty('team');
  });

  it('row 13: inherit nothing of signatures, keys and internals', () => {
    const secret = {
      img_signature: 'x',
      img_signature_hash_method: 'x',
      signature_verified: 'x',
      cinder_encryption_key_id: 'x',
      os_glance_importing_to_stores: 'x',
      backup_type: 'daily',
      owner_id: 'x',
    };
    const inherited = propertiesOf(FULL, { base: makeImage(BASE_ID, { properties: secret }) });
    for (const key of Object.keys(secret)) expect(inherited).not.toHaveProperty(key);
  });

  it('let what the caller states come before what is found and what is inherited, but not before what is true', () => {
    const base = makeImage(BASE_ID, { properties: { os_type: 'linux' } });
    const stated = { os_type: 'windows', hw_disk_bus: 'sata', image_type: 'backup', instance_uuid: 'other' };
    expect(propertiesOf(FULL, { base, stated })).toMatchObject({
      os_type: 'windows',
      hw_disk_bus: 'sata',
      image_type: 'snapshot',
      instance_uuid: UUID,
    });
  });

  it('name the image that an instance was launched from even where that image is gone', () => {
    const description = { ...describeDomain(FULL), imageId: BASE_ID };
    expect(
      captureProperties({ description, base: null, type: { imageType: 'snapshot' }, userId: 'alice', stated: {} }),
    ).toMatchObject({
      base_image_ref: BASE_ID,
    });
  });
});
