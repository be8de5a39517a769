import { stat } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from '../e2e/support/run-command.ts';
import type { Guest } from '../e2e/support/tiny-guest.ts';
import { onDomain } from '../e2e/support/virsh.ts';

export interface HandCapture {
  readonly totalMs: number;
  /** With what Darkroom does besides: sync to disk, check of the structure, checksum. */
  readonly verifiedMs: number;
  readonly bytes: number;
}

/** What a careful operator types: overlay, quiesced snapshot onto it, convert, active commit with pivot. */
export async function captureByHand(guest: Guest, target: string): Promise<HandCapture> {
  const [disk] = guest.disks;
  if (disk === undefined) throw new Error('the guest has no disk');
  const overlay = path.join(guest.folder, 'by-hand.qcow2');
  const started = performance.now();
  await runCommand('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', disk.path, '-F', disk.format, overlay]);
  await onDomain(guest, 'snapshot-create-as', [
    ...['--name', 'by-hand', '--disk-only', '--atomic', '--no-metadata', '--quiesce', '--reuse-external'],
    ...['--diskspec', `${disk.target},snapshot=external,file=${overlay}`],
  ]);
  await runCommand('qemu-img', ['convert', '-f', disk.format, '-O', 'qcow2', disk.path, target]);
  await onDomain(guest, 'blockcommit', [disk.target, '--active', '--pivot', '--wait']);
  await runCommand('rm', ['-f', overlay]);
  const totalMs = performance.now() - started;
  await runCommand('sync', [target]);
  await runCommand('qemu-img', ['check', '-q', '-f', 'qcow2', target]);
  await runCommand('sha256sum', [target]);
  const verifiedMs = performance.now() - started;
  return { totalMs, verifiedMs, bytes: (await stat(target)).blocks * 512 };
}
