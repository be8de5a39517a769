import { captureProperties } from '../../../../model/capture-properties.ts';
import { DarkroomError } from '../../../../model/errors.ts';
import type { Image, ImageDisk } from '../../../../model/image.ts';
import { minDiskGiB } from '../../../../model/image-rules.ts';
import type { DiskFile } from '../../../../model/ports/disk-tool.ts';
import type { ImageDraft } from '../../../../model/ports/image-store.ts';
import { mayChangeSnapshot } from '../../../../model/snapshot/access.ts';
import type { ImageFromSnapshotRequest } from '../../../../model/snapshot/requests.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { OperationContext } from '../../../support/context.ts';
import { createCopyTurns } from '../../../support/copy-turns.ts';
import { throwIfCancelled } from '../../../support/patience.ts';
import { ByteProgress } from '../../byte-progress.ts';
import { findBase } from '../../capture/capture-to-image.ts';
import { writeFirmware } from '../../capture/write-firmware.ts';
import { checkByteQuota } from '../../check-quota.ts';
import { finishDisk } from '../../finish-disk.ts';
import { publishImage } from '../../publish-image.ts';
import { TransferProgress } from '../../store/transfer-progress.ts';
import type { SnapshotMachine } from './design-machine.ts';

export interface ImageWork {
  readonly request: ImageFromSnapshotRequest;
  readonly snapshot: SnapshotRecord;
  readonly source: DiskFile;
  readonly machine: SnapshotMachine;
  readonly imageId: string;
  readonly measuredBytes: number;
}

/** As libvirt names disks; the name becomes part of a path. */
const TARGET = /^[A-Za-z][A-Za-z0-9]{0,31}$/;
/** What a machine keeps in its firmware and TPM is not in a snapshot of a volume. */
const NO_FIRMWARE = { nvram: null, tpm: new Map<string, Uint8Array>() };

export async function buildImage(context: OperationContext, work: ImageWork, signal: AbortSignal): Promise<Image> {
  const { machine, snapshot, request } = work;
  const draft = await context.store.createDraft(work.imageId);
  const disks = [await takeDisk(context, { ...work, draft }, signal)];
  const files = await writeFirmware(context, draft, { firmware: NO_FIRMWARE, domainXml: machine.xml }, signal);
  const base = machine.isRoot ? await findBase(context, machine.description.imageId) : null;
  await checkByteQuota(context, disks[0]?.sizeBytes ?? 0);
  throwIfCancelled(signal);
  await context.operation.announce('publish');
  const image = await publishImage(context, draft, {
    name: request.name,
    description: request.description,
    instanceOwner: mayChangeSnapshot(context.caller, snapshot) ? snapshot.owner : null,
    minDiskGiB: minDiskGiB(disks, base),
    minMemoryMiB: base?.minMemoryMiB ?? 0,
    consistency: snapshot.consistency,
    isEncrypted: request.isEncrypted,
    disks,
    skippedDisks: [],
    ...files,
    properties: captureProperties({
      description: describeSource(work),
      ...{ base, type: { imageType: 'snapshot' }, userId: context.caller.name, stated: request.properties },
    }),
  });
  await context.operation.saveResult({ imageId: image.id });
  warnOfDifferences(context, work);
  return image;
}

/** Its first disk is the image's. */
function describeSource({ machine: { description }, snapshot }: ImageWork): SnapshotMachine['description'] {
  return {
    ...description,
    uuid: snapshot.instance,
    disks: description.disks.filter(({ target }) => target === snapshot.target),
  };
}

async function takeDisk(
  context: OperationContext,
  work: ImageWork & { readonly draft: ImageDraft },
  signal: AbortSignal,
): Promise<ImageDisk> {
  const { snapshot, source, draft, measuredBytes, request } = work;
  const { target } = snapshot;
  if (!TARGET.test(target)) throw new DarkroomError('SNAPSHOT_DAMAGED', `${target} cannot be the target of a disk.`);
  const file = `disk-${target}.qcow2`;
  const sealed = request.isEncrypted ? { key: await context.keys.read() } : {};
  // written once and read once
  const progress = new ByteProgress(context.operation, 2 * measuredBytes);
  const turns = createCopyTurns(context, { step: 'copy', signal });
  await turns.take(() =>
    context.diskTool.convert(
      {
        source,
        target: { path: draft.path(file), format: 'qcow2', ...sealed },
        bandwidthBytesPerSecond: context.settings.copyBandwidthBytesPerSecond,
        onProgress: (fraction) => progress.at(fraction * measuredBytes),
      },
      signal,
    ),
  );
  progress.endStage(measuredBytes);
  await context.operation.announce('verify copy');
  const onHashed = (bytes: number): void => progress.at(bytes);
  const upload = new TransferProgress(context, 'upload');
  const written = { file, target, format: 'qcow2', isCopied: true, ...sealed, onHashed, upload } as const;
  return await finishDisk(context, draft, written, signal);
}

function warnOfDifferences({ operation }: OperationContext, { machine, snapshot, request }: ImageWork): void {
  const { otherVolumes, dropped, description } = machine;
  if (otherVolumes.length > 0)
    operation.warn(`A snapshot holds one volume: the machine of the image has no ${otherVolumes.join(', ')}.`);
  if (dropped.length > 0)
    operation.warn(`Left out, because it belongs to the source or its host: ${dropped.join(', ')}.`);
  if (description.firmware === 'uefi')
    operation.warn('Its UEFI variables will be new: it boots by the default path of its first disk.');
  if (description.hasTpm)
    operation.warn('Its TPM will be new and empty: what the source has sealed to its own stays sealed.');
  if (snapshot.isEncrypted && !request.isEncrypted) operation.warn('The snapshot is encrypted; the image is not.');
}
