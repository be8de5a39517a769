import type { Instance, Volume } from '../../model/instance.ts';
import type { Output } from '../output.ts';
import { renderDetails } from './details.ts';
import { type Row, renderTable } from './table.ts';
import { formatOptionalBytes, printable } from './text.ts';

export async function renderInstances(output: Output, instances: readonly Instance[]): Promise<string> {
  if (instances.length === 0) return 'no instances';
  const rows = instances.map((instance) => instanceCells(output, instance));
  return await renderTable(INSTANCE_HEADINGS, rows);
}

export const INSTANCE_HEADINGS: Row = ['ID', 'NAME', 'STATE', 'TASK', 'VCPUS', 'MEMORY', 'ADDRESSES'];

export function instanceCells(output: Output, instance: Instance): Row {
  return [
    instance.id,
    printable(instance.name),
    paintState(output, instance),
    instance.taskState ?? '-',
    String(instance.vcpus),
    `${instance.memoryMiB} MiB`,
    instance.addresses.map(({ address }) => printable(address)).join(' ') || '-',
  ];
}

export function renderInstance(output: Output, instance: Instance): string {
  return renderDetails(output, [
    ['id', instance.id],
    ['name', printable(instance.name)],
    ['state', paintState(output, instance)],
    ['power state', instance.powerState],
    ['task', instance.taskState ?? '-'],
    ['host', instance.host === null ? '-' : printable(instance.host)],
    ['owner', instance.owner === null ? '- (this host)' : printable(instance.owner)],
    ['labels', Object.entries(instance.labels).map(([key, value]) => `${printable(key)}=${printable(value)}`)],
    ['vcpus', String(instance.vcpus)],
    ['memory', `${instance.memoryMiB} MiB`],
    ['disks', instance.disks.map(describeDisk)],
    ['MACs', instance.macs],
    ['addresses', instance.addresses.map(describeAddress)],
    ['image', instance.imageId ?? '-'],
  ]);
}

export function summarizeInstance(instance: Instance): string {
  const addresses = instance.addresses.map(({ address }) => printable(address)).join(' ');
  return `instance ${printable(instance.name)} (${instance.id}): ${instance.state}${addresses === '' ? '' : `, ${addresses}`}`;
}

export async function renderVolumes(volumes: readonly Volume[]): Promise<string> {
  if (volumes.length === 0) return 'no volumes';
  const headings = ['ID', 'INSTANCE', 'TARGET', 'FORMAT', 'VIRTUAL', 'ALLOCATED', 'PATH'];
  const rows = volumes.map((volume) => [
    volume.id,
    printable(volume.instanceName),
    volume.target,
    volume.format ?? '-',
    formatOptionalBytes(volume.virtualSizeBytes),
    formatOptionalBytes(volume.sizeBytes),
    volume.path === null ? '-' : printable(volume.path),
  ]);
  return await renderTable(headings, rows);
}

export function renderVolume(output: Output, volume: Volume): string {
  return renderDetails(output, [
    ['id', volume.id],
    ['instance', `${printable(volume.instanceName)} (${volume.instance})`],
    ['target', volume.target],
    ['path', volume.path === null ? '-' : printable(volume.path)],
    ['format', volume.format ?? '-'],
    ['virtual size', formatOptionalBytes(volume.virtualSizeBytes)],
    ['allocated', formatOptionalBytes(volume.sizeBytes)],
  ]);
}

function describeDisk(disk: Instance['disks'][number]): string {
  const facts = [disk.device, disk.format ?? 'format unknown', ...(disk.isReadOnly ? ['read-only'] : [])].join(', ');
  return `${disk.target}: ${disk.path === null ? 'no file' : printable(disk.path)} (${facts})`;
}

function describeAddress({ address, prefix, mac, source }: Instance['addresses'][number]): string {
  return `${printable(address)}/${prefix} on ${mac} (${source})`;
}

const STATE_COLOURS = { active: 'green', error: 'red' } as const;

function paintState(output: Output, { state }: Instance): string {
  if (state === 'active' || state === 'error') return output.paint(STATE_COLOURS[state], state);
  return output.paint('yellow', state);
}
