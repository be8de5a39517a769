/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainUndefineFlagsValues */
export const UNDEFINE = {
  managedSave: 1 << 0,
  snapshotsMetadata: 1 << 1,
  nvram: 1 << 2,
  keepNvram: 1 << 3,
  checkpointsMetadata: 1 << 4,
  tpm: 1 << 5,
  keepTpm: 1 << 6,
} as const;
