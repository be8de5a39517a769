import path from 'node:path';
import type { Image } from '../model/image.ts';
import type { ExportImageRequest } from '../model/requests.ts';
import { type ExportPlan, exportPlanSchema, temporaryName } from './export-plan.ts';
import { ByteProgress } from './steps/byte-progress.ts';
import { checkSpace } from './steps/check-space.ts';
import { imageDisk, requireKey } from './steps/encrypted-image.ts';
import { findImage, requireActive } from './steps/find-image.ts';
import { fetchImage } from './steps/store/fetch-files.ts';
import { exportDisk, isExportedAsStored } from './steps/transfer/export-disk.ts';
import { exportFolder } from './steps/transfer/export-folder.ts';
import { requireAbsent, resolveTarget } from './steps/transfer/transfer-path.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import type { OperationContext } from './support/context.ts';
import { throwIfCancelled } from './support/patience.ts';
import type { Recover, UseCase } from './support/use-case.ts';

interface ExportInput {
  readonly imageId: string;
  readonly target: string;
  readonly format: ExportImageRequest['format'];
}

/** Writes an image out of the store: one file for a disk alone, else a folder that an import takes back. */
export const exportImage: UseCase<ExportImageRequest, ExportInput> = {
  prepare: async (core, request) => {
    const image = await findImage(core, request.image);
    requireActive(image);
    await requireKey(core, image);
    const target = await resolveTarget(core, request.path);
    return {
      target: image.name,
      locks: { exclusive: [], shared: [`image:${image.id}`] },
      input: { imageId: image.id, target, format: request.format },
    };
  },
  run: async (context, input, signal) => {
    const image = await context.store.readImage(input.imageId);
    requireActive(image);
    const asStored = image.disks.filter((disk) => isExportedAsStored(image, disk, input.format));
    await fetchImage(context, image, { signal, step: 'write', without: asStored.map(({ file }) => file) });
    const bytes = await measureExport(context, { image, format: input.format }, signal);
    await checkSpace(context, [{ path: input.target, bytes, what: 'the exported image' }]);
    const folder = path.dirname(input.target);
    const temporaryPath = path.join(folder, temporaryName(path.basename(input.target), context.operation.id));
    const plan: ExportPlan = { version: 1, temporaryPath };
    await context.operation.enter('write', plan);
    try {
      await write(context, { ...input, image, temporaryPath, bytes }, signal);
    } catch (error) {
      await undoAndSettle(context, () => context.files.removeTree(temporaryPath));
      throw error;
    }
    if (image.isEncrypted) context.operation.warn('The image is encrypted; what was exported is not.');
    await context.operation.settle('written');
    return { imageId: image.id };
  },
};

/** Most that the written disks can take. A sparse raw file takes no more than the data in it, nor does qcow2. */
async function measureExport(
  context: OperationContext,
  wanted: { readonly image: Image; readonly format: ExportImageRequest['format'] },
  signal: AbortSignal,
): Promise<number> {
  let bytes = 0;
  for (const disk of wanted.image.disks) {
    if (isExportedAsStored(wanted.image, disk, wanted.format)) bytes += disk.sizeBytes;
    else bytes += await context.diskTool.measure(await imageDisk(context, wanted.image, disk), 'qcow2', signal);
  }
  return bytes;
}

async function write(
  context: OperationContext,
  work: ExportInput & { readonly image: Image; readonly temporaryPath: string; readonly bytes: number },
  signal: AbortSignal,
): Promise<void> {
  const { image, target, temporaryPath } = work;
  // each byte is written and read once
  const progress = new ByteProgress(context.operation, 2 * work.bytes);
  const [first, ...others] = image.disks;
  const isDiskAlone = others.length === 0 && image.nvram === null && image.tpm.length === 0;
  if (first !== undefined && isDiskAlone) {
    await exportDisk(context, { image, disk: first, target: temporaryPath, format: work.format, progress }, signal);
  } else {
    await exportFolder(context, { image, target: temporaryPath, format: work.format, progress }, signal);
  }
  throwIfCancelled(signal);
  await requireAbsent(context, target);
  await context.files.rename(temporaryPath, target);
  await context.files.sync(path.dirname(target));
}

export const recoverExportImage: Recover = async (core, unfinished) => {
  const { temporaryPath } = exportPlanSchema.parse(unfinished.plan);
  await core.files.removeTree(temporaryPath);
  return ['What had been written of the export was removed.'];
};
