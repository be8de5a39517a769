import { homedir } from 'node:os';
import path from 'node:path';

/**
 * Where QEMU's driver on this host keeps the managed save of a domain; null for any other URI: its files may be elsewhere.
 * libvirt has no call that tells. https://libvirt.org/drvqemu.html#location-of-configuration-files
 */
export function managedSavePath(uri: string, domainName: string): string | null {
  const folder = qemuFolder(uri);
  return folder === null ? null : path.join(folder, 'save', `${domainName}.save`);
}

function qemuFolder(uri: string): string | null {
  if (uri === 'qemu:///system') return '/var/lib/libvirt/qemu';
  if (uri === 'qemu:///session') return path.join(userConfigFolder(), 'libvirt/qemu');
  return null;
}

/** As libvirt finds it, by the XDG base directories. */
function userConfigFolder(): string {
  return process.env.XDG_CONFIG_HOME || path.join(homedir(), '.config');
}
