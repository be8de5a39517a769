import path from 'node:path';
import { statesBackingChain } from '../../../../model/domain-xml/disk-chain.ts';
import { DarkroomError } from '../../../../model/errors.ts';
import { checkpointName } from '../../../../model/snapshot/checkpoint-name.ts';
import { headTimeAfter } from '../../../../model/snapshot/head-time.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { RestorePlan } from '../../../restore-snapshot-plan.ts';
import type { OperationContext } from '../../../support/context.ts';
import type { RestorePlace } from './require-restorable.ts';

const MAX_NAME_BYTES = 255;

export async function planRestore(
  context: OperationContext,
  work: { readonly snapshot: SnapshotRecord; readonly place: RestorePlace },
): Promise<RestorePlan> {
  const { snapshot, place } = work;
  const { snapshots } = await context.snapshots.list({ volume: snapshot.volume });
  return {
    version: 1,
    snapshotId: snapshot.id,
    volume: snapshot.volume,
    instanceId: place.domain.uuid,
    instanceName: place.domain.name,
    target: place.target,
    diskPath: place.path,
    newPath: nameBeside(context, place, 'restored'),
    keptPath: nameBeside(context, place, 'before-restore'),
    newInode: null,
    savedXml: statesBackingChain(place.xml, place.target) ? place.xml : null,
    // raw disks hold no bitmap: their next snapshot compares
    checkpoint: place.format === 'qcow2' ? checkpointName(context.operation.id) : null,
    headAt: headTimeAfter(snapshots, context.clock.now()),
  };
}

function nameBeside({ operation }: OperationContext, place: RestorePlace, what: string): string {
  const file = `${place.path}.${operation.id}.${what}`;
  if (Buffer.byteLength(path.basename(file)) <= MAX_NAME_BYTES) return file;
  throw new DarkroomError(
    'DISK_UNSUPPORTED',
    `The file name of disk ${place.target} is so long that no other can be made of it: ${place.path}. Rename the file.`,
    { fields: { target: place.target, path: place.path } },
  );
}
