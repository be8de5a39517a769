import path from 'node:path';
import { DarkroomError } from '../../model/errors.ts';

/**
 * True when QEMU would not take the name for a file of this host: a colon before the first slash makes it a protocol
 * (`nbd:…`, `http://…`, `json:{…}`), as path_has_protocol does in QEMU's block.c.
 */
export function isProtocolName(name: string): boolean {
  return /^[^:/]*:/.test(name);
}

/** A backing name as the overlay's header states it, relative to the overlay's folder; a protocol name as it stands. */
export function resolveBackingName(overlay: string, name: string): string {
  if (isProtocolName(name) || path.isAbsolute(name)) return name;
  const folder = path.dirname(overlay);
  // Behind a symbolic link `..` is another folder than in the text of the path.
  return name.split('/').includes('..') ? `${folder}/${name}` : path.join(folder, name);
}

/** DISK_UNSUPPORTED for what QEMU would not take for a file, and so may not stand in a header. */
export function requireFileName(name: string, disk: { readonly path: string }): void {
  if (name !== '' && !isProtocolName(name)) return;
  throw unnameable(name, disk);
}

export function unnameable(name: string, disk: { readonly path: string }): DarkroomError {
  const message = `${JSON.stringify(name)} cannot be the name of a backing file of ${disk.path}`;
  return new DarkroomError('DISK_UNSUPPORTED', message, { fields: { disk: disk.path } });
}
