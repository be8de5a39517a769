import type { Consistency } from '../../model/consistency.ts';
import type { BootProof, Image } from '../../model/image.ts';
import type { Operation } from '../../model/operation.ts';
import type { Output } from '../output.ts';
import { type Detail, renderDetails } from './details.ts';
import { renderTable } from './table.ts';
import { formatBytes, formatDuration, formatTime, printable } from './text.ts';

export async function renderImages(output: Output, images: readonly Image[]): Promise<string> {
  if (images.length === 0) return 'no images';
  const headings = ['ID', 'NAME', 'TYPE', 'STATUS', 'SIZE', 'DISKS', 'CONSISTENCY', 'CREATED'];
  const rows = images.map((image) => [
    image.id,
    printable(image.name),
    image.properties['image_type'] ?? '-',
    paintStatus(output, image),
    formatBytes(image.sizeBytes),
    String(image.disks.length),
    image.consistency?.achieved ?? '-',
    formatTime(image.createdAt),
  ]);
  return await renderTable(headings, rows);
}

export function renderImage(output: Output, image: Image): string {
  return renderDetails(output, [
    ['id', image.id],
    ['name', printable(image.name)],
    ['status', paintStatus(output, image)],
    ['created', formatTime(image.createdAt)],
    ['description', image.description === null ? '-' : printable(image.description)],
    ['size', `${formatBytes(image.sizeBytes)} on disk, ${formatBytes(image.virtualSizeBytes)} virtual`],
    ['needs', `${image.minDiskGiB} GiB disk, ${image.minMemoryMiB} MiB memory`],
    ['consistency', image.consistency === null ? '-' : describeConsistency(image.consistency)],
    ...(image.bootProof === null ? [] : [['boots', describeBoot(image.bootProof)] as const]),
    ['encrypted', image.isEncrypted ? 'yes (its disks)' : 'no'],
    ['protected', image.protected ? 'yes' : 'no'],
    ['owner', image.owner === null ? '- (this host)' : printable(image.owner)],
    ['visibility', image.visibility],
    ['members', image.members.map(printable)],
    ['checksum', `${image.checksum.algorithm} ${image.checksum.value ?? 'not yet known'}`],
    ...describeFiles(image),
    ['properties', Object.entries(image.properties).map(([key, value]) => `${key} = ${printable(value)}`)],
  ]);
}

function describeBoot({ at, hasBooted }: BootProof): string {
  return `${hasBooted ? 'yes' : 'NO'}, tried ${formatTime(at)}`;
}

/** One line about a finished piece of work on an image. */
export function summarizeImage(image: Image, operation: Operation): string {
  const consistency = image.consistency === null ? '' : `, consistency ${describeConsistency(image.consistency)}`;
  const size = `${formatBytes(image.sizeBytes)} of ${formatBytes(image.virtualSizeBytes)}`;
  return `image ${printable(image.name)} (${image.id}): ${size}${consistency}, ${describeTotal(operation)}`;
}

export function describeTotal(operation: Operation): string {
  if (operation.endedAt === null) return 'not over';
  return `${formatDuration(Date.parse(operation.endedAt) - Date.parse(operation.startedAt))} in total`;
}

/** `quiesced (frozen 147 ms)`, `paused (paused 9 ms; the guest agent does not answer)`. */
export function describeConsistency({ achieved, freezeMs, pauseMs, reason }: Consistency): string {
  const times = [
    ...(freezeMs > 0 ? [`frozen ${Math.round(freezeMs)} ms`] : []),
    ...(pauseMs > 0 ? [`paused ${Math.round(pauseMs)} ms`] : []),
  ].join(', ');
  const facts = [times, reason === undefined ? '' : printable(reason)].filter((fact) => fact !== '').join('; ');
  return facts === '' ? achieved : `${achieved} (${facts})`;
}

function describeFiles(image: Image): readonly Detail[] {
  const disks = image.disks.map(
    (disk) =>
      `${disk.target}: ${disk.format}, ${formatBytes(disk.sizeBytes)} of ${formatBytes(disk.virtualSizeBytes)}, sha256 ${disk.sha256 ?? 'not yet known'}`,
  );
  const skipped = image.skippedDisks.map((disk) => `${disk.target}: ${disk.device}, left out: ${disk.reason}`);
  return [
    ['disks', [...disks, ...skipped]],
    ['firmware', image.nvram === null ? '-' : image.nvram.file],
    ['TPM state', image.tpm.length === 0 ? '-' : `${image.tpm.length} files`],
  ];
}

function paintStatus(output: Output, { status }: Image): string {
  if (status === 'active') return output.paint('green', status);
  return output.paint(status === 'error' ? 'red' : 'yellow', status);
}
