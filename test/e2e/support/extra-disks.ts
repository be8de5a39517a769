import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from './run-command.ts';

/** What a name may hold, and what shells, XML, qemu-img and JSON would each trip over. */
const HOSTILE_NAME = `it's a "disk": über 磁盘, 100% & <b>,file=x.qcow2`;

/**
 * `<disk>` elements of a 64 MiB qcow2 disk with a hostile name (vdc), and of one disk of each kind that an image leaves
 * out: floppy, read-only, shareable.
 */
export async function makeExtraDisks(folder: string): Promise<string> {
  await runCommand('qemu-img', ['create', '-q', '-f', 'qcow2', path.join(folder, HOSTILE_NAME), '64M']);
  for (const name of ['readonly.raw', 'shareable.raw', 'floppy.raw']) {
    // not empty, so that the guest does not format it
    await writeFile(path.join(folder, name), Buffer.alloc(1_474_560, 'x'));
  }
  return [
    diskXml(path.join(folder, HOSTILE_NAME), "<driver type='qcow2'/><target dev='vdc' bus='virtio'/>"),
    diskXml(path.join(folder, 'readonly.raw'), "<driver type='raw'/><target dev='vdd' bus='virtio'/><readonly/>"),
    diskXml(path.join(folder, 'shareable.raw'), "<driver type='raw'/><target dev='vde' bus='virtio'/><shareable/>"),
    diskXml(path.join(folder, 'floppy.raw'), "<driver type='raw'/><target dev='fda' bus='fdc'/>", 'floppy'),
  ].join('');
}

function escapeXml(text: string): string {
  return text.replace(/[&<>'"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function diskXml(file: string, content: string, device = 'disk'): string {
  return `<disk type='file' device='${device}'><source file='${escapeXml(file)}'/>${content}</disk>`;
}
