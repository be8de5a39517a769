const OVERLAY_PATTERN =
  /^(?<disk>.+)\.(?<operation>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.overlay\.qcow2$/s;

/**
 * What an overlay's name begins with. Host block devices share one folder for their overlays, so that /dev/a/root and
 * /dev/b/root need different names there.
 */
export function overlayStem(disk: { readonly path: string; readonly isBlockDevice: boolean }): string {
  if (disk.isBlockDevice) return disk.path.slice(1).replaceAll('/', '!');
  return disk.path.slice(disk.path.lastIndexOf('/') + 1);
}

/** `<disk>.<operation-id>.overlay.qcow2`: AppArmor's helper of libvirt knows the suffix, recovery knows the rest. */
export function overlayPath(diskPath: string, operationId: string): string {
  return `${diskPath}.${operationId}.overlay.qcow2`;
}

/** Which operation made an overlay for which disk; null when the path is no overlay of ours. */
export function parseOverlayPath(path: string): { readonly diskPath: string; readonly operationId: string } | null {
  const groups = OVERLAY_PATTERN.exec(path)?.groups;
  if (groups?.['disk'] === undefined || groups['operation'] === undefined) return null;
  return { diskPath: groups['disk'], operationId: groups['operation'] };
}
