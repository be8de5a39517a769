import path from 'node:path';
import { type DomainDescription, describeDomain } from '../../../model/domain-xml/describe-domain.ts';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import { parseOverlayPath } from '../../../model/overlay-name.ts';
import type { DiskFileInfo } from '../../../model/ports/disk-tool.ts';
import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { Core } from '../../support/context.ts';
import { type DiskSelection, type SelectedDisk, selectDisks } from './select-disks.ts';

const CAPTURABLE_STATES = ['running', 'paused', 'shutdown', 'suspended'] as const;
type CapturableState = (typeof CAPTURABLE_STATES)[number];

/** What a capture found before it touches anything. */
export interface Inspection {
  readonly domain: DomainInfo;
  readonly powerState: CapturableState;
  readonly description: DomainDescription;
  /** The persistent definition, or that of a transient domain, with secrets. */
  readonly savedXml: string;
  readonly selection: DiskSelection;
  /** Backing chains by target, top first. */
  readonly chains: ReadonlyMap<string, readonly DiskFileInfo[]>;
}

/**
 * Looks at everything that could stand against a capture of its disks, or of those whose targets are stated, and refuses it:
 * nothing has been touched when this throws.
 */
export async function inspectInstance(
  core: Core,
  uuid: string,
  { signal, only = null }: { readonly signal: AbortSignal; readonly only?: readonly string[] | null },
): Promise<Inspection> {
  const domain = await core.hypervisor.getDomain(uuid);
  const powerState = requireCapturable(domain);
  const description = describeDomain(await core.hypervisor.getDomainXml(uuid));
  const selection = selectDisks(description, only);
  await refuseInternalSnapshots(core, domain);
  const chains = new Map<string, readonly DiskFileInfo[]>();
  for (const disk of selection.captured) {
    refuseOverlay(domain, disk);
    chains.set(disk.target, await readChain(core, { domain, disk, signal }));
    if (powerState === 'running' || powerState === 'paused') await refuseBlockJob(core, domain, disk);
  }
  const savedXml = await core.hypervisor.getDomainXml(uuid, { isInactive: domain.isPersistent, isSecure: true });
  return { domain, powerState, description, savedXml, selection, chains };
}

function requireCapturable(domain: DomainInfo): CapturableState {
  const state = CAPTURABLE_STATES.find((candidate) => candidate === domain.powerState);
  if (state !== undefined) return state;
  throw new DarkroomError(
    'INSTANCE_STATE',
    `The instance ${domain.name} is ${domain.powerState}; it can be captured while running, paused, stopped or suspended.`,
    { fields: { instanceId: domain.uuid, powerState: domain.powerState } },
  );
}

async function refuseInternalSnapshots(core: Core, domain: DomainInfo): Promise<void> {
  const count = await core.hypervisor.countInternalSnapshots(domain.uuid);
  if (count > 0) throw internalSnapshots(domain, count);
}

function internalSnapshots(domain: DomainInfo, count: number): DarkroomError {
  return new DarkroomError(
    'INTERNAL_SNAPSHOTS',
    `The instance ${domain.name} has ${count} internal snapshots, which an image cannot carry. ` +
      `Delete them first (virsh snapshot-list ${domain.name}).`,
    { fields: { instanceId: domain.uuid, count } },
  );
}

function refuseOverlay(domain: DomainInfo, disk: SelectedDisk): void {
  const overlay = parseOverlayPath(disk.path);
  if (overlay === null) return;
  throw new DarkroomError(
    'INSTANCE_BUSY',
    `Disk ${disk.target} of ${domain.name} is on the overlay of the operation ${overlay.operationId}, which has not put it back. ` +
      'darkroom doctor --repair does.',
    { fields: { instanceId: domain.uuid, target: disk.target, operationId: overlay.operationId } },
  );
}

async function refuseBlockJob(core: Core, domain: DomainInfo, disk: SelectedDisk): Promise<void> {
  const job = await core.hypervisor.getBlockJob(domain.uuid, disk.target);
  if (job === null) return;
  throw new DarkroomError(
    'INSTANCE_BUSY',
    `Disk ${disk.target} of ${domain.name} has a running block job (${job.type}). Wait for it or end it: ` +
      `virsh blockjob ${domain.name} ${disk.target}`,
    { fields: { instanceId: domain.uuid, target: disk.target, job: job.type } },
  );
}

async function readChain(
  core: Core,
  { domain, disk, signal }: { domain: DomainInfo; disk: SelectedDisk; signal: AbortSignal },
): Promise<readonly DiskFileInfo[]> {
  if ((await core.files.stat(disk.path)) === null) {
    throw new DarkroomError(
      'DISK_MISSING',
      `Disk ${disk.target} of ${domain.name} is missing: there is no ${disk.path}.`,
      {
        fields: { instanceId: domain.uuid, target: disk.target, path: disk.path },
      },
    );
  }
  const chain = await core.diskTool.infoChain(disk, signal).catch((error: unknown) => {
    throw hasCode(error, 'QEMU_IMG_FAILED') ? unreadable(domain, disk, error) : error;
  });
  const snapshots = chain.reduce((sum, layer) => sum + layer.internalSnapshotCount, 0);
  if (snapshots > 0) throw internalSnapshots(domain, snapshots);
  const unusable = chain.find((layer) => layer.isEncrypted || layer.isCorrupt);
  if (unusable === undefined) return chain;
  throw new DarkroomError(
    'DISK_UNSUPPORTED',
    `Disk ${disk.target} of ${domain.name}: ${path.basename(unusable.path)} is ${unusable.isEncrypted ? 'encrypted' : 'marked corrupt'}.`,
    { fields: { instanceId: domain.uuid, target: disk.target, path: unusable.path } },
  );
}

/** Damaged, or not of the format that the domain states. */
function unreadable(domain: DomainInfo, disk: SelectedDisk, cause: DarkroomError): DarkroomError {
  return new DarkroomError(
    'DISK_UNSUPPORTED',
    `Disk ${disk.target} of ${domain.name} cannot be read as ${disk.format}: ${cause.message}`,
    { fields: { instanceId: domain.uuid, target: disk.target, path: disk.path }, cause },
  );
}
