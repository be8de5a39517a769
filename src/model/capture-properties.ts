import type { DomainDescription } from './domain-xml/describe-domain.ts';
import type { Image } from './image.ts';
import { inheritedProperties } from './image-rules.ts';

/** What kind of image a capture makes. */
export type CapturedImageType =
  | { readonly imageType: 'snapshot' }
  | { readonly imageType: 'backup'; readonly backupType: string };

/**
 * Properties of an image made from an instance, as OpenStack's compute service writes them
 * (https://docs.openstack.org/glance/latest/admin/useful-image-properties.html). What the caller states comes on top.
 */
export function captureProperties(source: {
  readonly description: DomainDescription;
  readonly base: Image | null;
  readonly type: CapturedImageType;
  readonly userId: string;
  readonly stated: Readonly<Record<string, string>>;
}): Readonly<Record<string, string>> {
  const { description, base, type, userId, stated } = source;
  return {
    ...hardwareProperties(description),
    ...inheritedProperties(base),
    ...stated,
    image_type: type.imageType,
    ...(type.imageType === 'backup' ? { backup_type: type.backupType } : {}),
    image_location: 'snapshot',
    image_state: 'available',
    instance_uuid: description.uuid,
    user_id: userId,
    base_image_ref: base?.id ?? description.imageId ?? '',
  };
}

function hardwareProperties(description: DomainDescription): Record<string, string> {
  const [disk] = description.disks.filter(({ device }) => device === 'disk');
  const [nic] = description.interfaces;
  return {
    hw_architecture: description.architecture,
    hw_firmware_type: description.firmware,
    ...(description.machine === null ? {} : { hw_machine_type: description.machine }),
    ...(disk?.bus ? { hw_disk_bus: disk.bus } : {}),
    ...(nic?.model ? { hw_vif_model: nic.model } : {}),
    ...(description.hasAgentChannel ? { hw_qemu_guest_agent: 'yes' } : {}),
    ...(description.hasTpm ? { hw_tpm_version: '2.0' } : {}),
  };
}
