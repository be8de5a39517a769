import { DarkroomError } from '../../model/errors.ts';
import type { DiskFile } from '../../model/ports/disk-tool.ts';
import type { DiskKeys } from './disk-keys.ts';

/** Milliseconds of key derivation: a long random key needs none, and every layer of a chain is opened each time. */
const ITERATION_MS = 10;

/**
 * The `-o` options that make a new qcow2 LUKS-encrypted (https://www.qemu.org/docs/master/system/qemu-block-drivers.html,
 * docs/interop/qcow2.txt); [] for a disk without a key. QEMU measures this host's speed first: two seconds of CPU. SHA-512,
 * because with SHA-256 a fast host is done before the kernel has counted any time, which QEMU before 9.1 takes for a failure.
 */
export function encryptionOptions(target: DiskFile, keys: DiskKeys): readonly string[] {
  if (target.key === undefined) return [];
  if (target.format !== 'qcow2') throw unsupported(target, `a ${target.format} disk cannot be encrypted`);
  return [
    'encrypt.format=luks',
    `encrypt.key-secret=${keys.idOf(target.key)}`,
    'encrypt.cipher-alg=aes-256',
    'encrypt.cipher-mode=xts',
    'encrypt.hash-alg=sha512',
    `encrypt.iter-time=${ITERATION_MS}`,
  ];
}

/** QEMU writes compressed clusters as they are, also into an encrypted disk: anybody could read them. */
export function refuseCompression(target: DiskFile): void {
  if (target.key !== undefined) throw unsupported(target, 'an encrypted disk cannot be compressed');
}

/** `-o a,b`, or nothing. */
export function joinOptions(options: readonly string[]): readonly string[] {
  return options.length === 0 ? [] : ['-o', options.join(',')];
}

function unsupported(disk: DiskFile, reason: string): DarkroomError {
  return new DarkroomError('DISK_UNSUPPORTED', `${disk.path} cannot be made: ${reason}`, {
    fields: { disk: disk.path },
  });
}
