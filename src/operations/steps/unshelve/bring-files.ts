import path from 'node:path';
import { DarkroomError } from '../../../model/errors.ts';
import type { FileOwnership } from '../../../model/ports/host.ts';
import type { ShelvedFile } from '../../../model/shelved-instance.ts';
import type { OperationContext } from '../../support/context.ts';
import type { UnshelvePlan } from '../../unshelve-plan.ts';
import { SWTPM_ROOT } from '../capture/read-firmware.ts';
import { makeInstanceFolder, writeInstanceRecord } from '../launch/instance-folder.ts';
import { makeOwn } from './make-own.ts';
import type { Placed } from './place-machine.ts';
import type { Return } from './require-unshelvable.ts';

/** The instance's own folder with its record, firmware variables, TPM state, seed. */
export async function bringFiles(
  context: OperationContext,
  { plan, coming }: { readonly plan: UnshelvePlan; readonly coming: Return },
): Promise<void> {
  const { placement, image } = coming;
  plan.folder = placement.folder;
  await context.operation.enter('bring files', plan);
  if (placement.folder !== null) await makeOwnFolder(context, coming, placement.folder);
  for (const placed of placement.files) {
    await makeOwn(context, plan, placed.path, (partial) => bringFile(context, image.id, { placed, partial }));
  }
}

/** What it comes back with are disks of its own, whatever its launch made them of. */
async function makeOwnFolder(context: OperationContext, { record, placement }: Return, folder: string): Promise<void> {
  await makeInstanceFolder(context, folder);
  const files = [...placement.disks, ...placement.files].map((placed) => placed.path);
  await writeInstanceRecord(context, folder, {
    version: 1,
    instanceId: record.id,
    instanceName: record.name,
    imageId: record.made?.imageId ?? record.imageId,
    clone: 'full',
    files: files.filter((file) => path.dirname(file) === folder).map((file) => path.basename(file)),
    createdAt: context.clock.now().toISOString(),
  });
}

async function bringFile(
  context: OperationContext,
  imageId: string,
  { placed, partial }: { readonly placed: Placed<ShelvedFile>; readonly partial: string },
): Promise<void> {
  const { what, path: target } = placed;
  if (target.startsWith(`${SWTPM_ROOT}/`)) await makeTpmFolders(context, what, target);
  // saved memory is one of them
  const bandwidthBytesPerSecond = context.settings.copyBandwidthBytesPerSecond;
  await context.files.copy(await context.store.resolveFile(imageId, what.file), partial, { bandwidthBytesPerSecond });
  const sha256 = await context.files.hash(partial);
  if (sha256 !== what.sha256) throw damaged(what, sha256);
  await context.files.setOwnership(partial, plainOwnership(what.ownership));
}

/** Whatever a record says: no bits that would lend rights. */
export function plainOwnership({ uid, gid, mode }: FileOwnership): FileOwnership {
  return { uid, gid, mode: mode & 0o777 };
}

/** As libvirt makes them (virTPMEmulator): one for the domain, one for the version, that only the emulator reads. */
async function makeTpmFolders(context: OperationContext, { ownership }: ShelvedFile, target: string): Promise<void> {
  const version = path.dirname(target);
  await context.files.makeDirectory(path.dirname(version), { mode: 0o711 });
  await context.files.makeDirectory(version, { uid: ownership.uid, gid: ownership.gid, mode: 0o700 });
}

function damaged({ file, sha256 }: ShelvedFile, seen: string): DarkroomError {
  return new DarkroomError(
    'IMAGE_DAMAGED',
    `The SHA-256 of ${file} in the image is ${seen}, and should be ${sha256}.`,
    {
      fields: { file },
    },
  );
}
