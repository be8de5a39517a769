import { fileURLToPath } from 'node:url';
import { runCommand } from './run-command.ts';

const GUESTS = fileURLToPath(new URL('../../guests/', import.meta.url));

export type Firmware = 'bios' | 'uefi';

/** Path of the cached tiny guest: 1 GiB qcow2, read-only for all. Built where it is missing. */
export async function tinyGuestImage(firmware: Firmware): Promise<string> {
  return (await runCommand(`${GUESTS}build-tiny-guest`, firmware === 'uefi' ? ['--uefi'] : [])).trim();
}

/** Path of the cached Debian guest with cloud-init and sshd. Building it takes minutes. */
export async function debianGuestImage(): Promise<string> {
  return (await runCommand(`${GUESTS}build-debian-guest`, [])).trim();
}

/** Writes the boot sector guest's disk, raw, 1 MiB. A calm one counts seldom: for many at once. */
export async function writeBootsectorImage(target: string, { isCalm = false } = {}): Promise<void> {
  await runCommand(`${GUESTS}build-bootsector-guest`, [...(isCalm ? ['--calm'] : []), target]);
}
