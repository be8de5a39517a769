import { type DomainDisk, describeDomain } from '../../../../model/domain-xml/describe-domain.ts';
import { DarkroomError, hasCode } from '../../../../model/errors.ts';
import type { DiskFormat } from '../../../../model/image.ts';
import type { PowerState } from '../../../../model/instance.ts';
import { parseOverlayPath } from '../../../../model/overlay-name.ts';
import type { FileOwnership } from '../../../../model/ports/host.ts';
import type { DomainInfo } from '../../../../model/ports/hypervisor.ts';
import { isOurCheckpoint } from '../../../../model/snapshot/checkpoint-name.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { Core } from '../../../support/context.ts';
import { findInstance } from '../../find-instance.ts';
import { requireOwnDisks } from '../../shelve/require-own-disks.ts';
import { volumeId } from '../../volume-id.ts';

/** The volume that a snapshot was taken from, as it is now. */
export interface RestorePlace {
  readonly domain: DomainInfo;
  readonly target: string;
  /** Links resolved. */
  readonly path: string;
  readonly format: DiskFormat;
  readonly ownership: FileOwnership;
  /** The persistent definition, with secrets. */
  readonly xml: string;
}

type Origin = Pick<SnapshotRecord, 'id' | 'volume' | 'instance' | 'instanceName' | 'target'>;

/** Everything that can be said against a restore, before anything is touched. VOLUME_NOT_FOUND where its volume is not on this host. */
export async function requireRestorable(core: Core, snapshot: Origin): Promise<RestorePlace> {
  const domain = await findHome(core, snapshot);
  requireOff(domain);
  const xml = await core.hypervisor.getDomainXml(domain.uuid, { isInactive: true, isSecure: true });
  const disk = describeDomain(xml).disks.find(({ target, device }) => target === snapshot.target && device === 'disk');
  if (disk === undefined) throw notHere(snapshot);
  const { path, format } = requireSupported(domain, disk, snapshot);
  await refuseInternalSnapshots(core, domain);
  await refuseForeignCheckpoints(core, domain, snapshot.target);
  const file = await findFile(core, { domain, snapshot, path });
  await requireOwnDisks(core, { domain, selection: { captured: [{ target: disk.target, path }] } });
  return { domain, target: disk.target, format, xml, ...file };
}

async function findHome(core: Core, snapshot: Origin): Promise<DomainInfo> {
  const domain = await findInstance(core, snapshot.instance).catch((error: unknown) => {
    throw hasCode(error, 'INSTANCE_NOT_FOUND') ? notHere(snapshot) : error;
  });
  // a record from elsewhere may claim to be of any volume
  if (volumeId(domain.uuid, snapshot.target) !== snapshot.volume) throw notHere(snapshot);
  return domain;
}

/** How to get to an instance that is off. */
const WAYS_OFF: Readonly<Record<Exclude<PowerState, 'shutdown'>, string>> = {
  running: 'Shut it down first: darkroom instance stop',
  paused: 'Resume it and shut it down, or pull its plug: darkroom instance stop --force',
  suspended:
    'Its saved memory goes with what the volume holds now: start it and shut it down first: darkroom instance start',
  crashed: 'Stop it first: darkroom instance stop --force',
  nostate: 'Look at it first: darkroom instance show',
};

function requireOff({ uuid, name, powerState, hasManagedSave }: DomainInfo): void {
  if (powerState === 'shutdown' && !hasManagedSave) return;
  const state = powerState === 'shutdown' ? 'suspended' : powerState;
  throw new DarkroomError(
    'INSTANCE_STATE',
    `The instance ${name} is ${state}, and a volume is restored while its instance is off. ${WAYS_OFF[state]} ${name}`,
    { fields: { instanceId: uuid, powerState: state } },
  );
}

function requireSupported(
  domain: DomainInfo,
  disk: DomainDisk,
  snapshot: Origin,
): { readonly path: string; readonly format: DiskFormat } {
  const { path, format, sourceType } = disk;
  const refuse = (what: string): DarkroomError =>
    new DarkroomError(
      'DISK_UNSUPPORTED',
      `Disk ${disk.target} of ${domain.name} ${what}, which no restore replaces. Make a new volume of the snapshot and attach that: ` +
        `darkroom volume create --from-snapshot ${snapshot.id}`,
      { fields: { instanceId: domain.uuid, target: disk.target, sourceType, format } },
    );
  if (sourceType !== 'file') throw refuse(`lies on a source of type ${sourceType}`);
  if (path === null) throw refuse('is empty');
  if (format !== 'qcow2' && format !== 'raw') throw refuse(`is ${format}`);
  if (disk.isShareable) throw refuse('is shared between instances');
  if (disk.isEncrypted) throw refuse('is encrypted');
  const overlay = parseOverlayPath(path);
  if (overlay === null) return { path, format };
  throw new DarkroomError(
    'INSTANCE_BUSY',
    `Disk ${disk.target} of ${domain.name} is on the overlay of the operation ${overlay.operationId}, which has not put it back. ` +
      'darkroom doctor --repair does.',
    { fields: { instanceId: domain.uuid, target: disk.target, operationId: overlay.operationId } },
  );
}

async function refuseInternalSnapshots(core: Core, domain: DomainInfo): Promise<void> {
  const count = await core.hypervisor.countInternalSnapshots(domain.uuid);
  if (count === 0) return;
  throw new DarkroomError(
    'INTERNAL_SNAPSHOTS',
    `The instance ${domain.name} has ${count} internal snapshots, which lie in its disks and would be lost. ` +
      `Delete them first (virsh snapshot-list ${domain.name}).`,
    { fields: { instanceId: domain.uuid, count } },
  );
}

/** What others count on from their checkpoint on would be wrong afterwards, without a sign of it. */
async function refuseForeignCheckpoints(core: Core, domain: DomainInfo, target: string): Promise<void> {
  const checkpoints = await core.hypervisor.listCheckpoints(domain.uuid);
  const foreign = checkpoints.filter(({ name, targets }) => targets.includes(target) && !isOurCheckpoint(name));
  if (foreign.length === 0) return;
  const names = foreign.map(({ name }) => name).join(', ');
  throw new DarkroomError(
    'INSTANCE_STATE',
    `Somebody else has checkpoints on disk ${target} of ${domain.name}: ${names}. A restore would make them wrong: delete them first ` +
      `(virsh checkpoint-delete ${domain.name} NAME), or make a new volume of the snapshot.`,
    { fields: { instanceId: domain.uuid, target, checkpoints: names } },
  );
}

async function findFile(
  core: Core,
  { domain, snapshot, path }: { readonly domain: DomainInfo; readonly snapshot: Origin; readonly path: string },
): Promise<Pick<RestorePlace, 'path' | 'ownership'>> {
  await using held = await core.files.hold(path);
  if (held?.stat.kind === 'file') {
    const { uid, gid, mode } = held.stat;
    return { path: held.realPath, ownership: { uid, gid, mode } };
  }
  throw new DarkroomError(
    held === null ? 'DISK_MISSING' : 'DISK_UNSUPPORTED',
    `Disk ${snapshot.target} of ${domain.name} ${held === null ? 'is missing: there is no' : 'is not a regular file:'} ${path}. ` +
      `Make a new volume of the snapshot: darkroom volume create --from-snapshot ${snapshot.id} --file FILE`,
    { fields: { instanceId: domain.uuid, target: snapshot.target, path } },
  );
}

function notHere({ id, volume, instanceName, target }: Origin): DarkroomError {
  return new DarkroomError(
    'VOLUME_NOT_FOUND',
    `The volume ${volume} (${target} of ${instanceName}) is not on this host. ` +
      `Make a new one of the snapshot: darkroom volume create --from-snapshot ${id}`,
    { fields: { volume, snapshotId: id } },
  );
}
