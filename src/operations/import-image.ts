import { newUuid } from '../lib/uuid.ts';
import type { Image } from '../model/image.ts';
import { requireImageName, requireProperties } from '../model/image-request-rules.ts';
import type { HeldFile } from '../model/ports/host.ts';
import type { ImageDraft } from '../model/ports/image-store.ts';
import type { ImportImageRequest } from '../model/requests.ts';
import { type ImportPlan, importPlanSchema } from './import-plan.ts';
import { checkQuota } from './steps/check-quota.ts';
import type { NewImage } from './steps/publish-image.ts';
import { publishTakenIn } from './steps/publish-taken-in.ts';
import { removeUnpublished } from './steps/remove-unpublished.ts';
import { importDisk } from './steps/transfer/import-disk.ts';
import { importFolder } from './steps/transfer/import-folder.ts';
import { holdSource } from './steps/transfer/transfer-path.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import type { OperationContext } from './support/context.ts';
import type { Recover, UseCase } from './support/use-case.ts';

/** A disk file of somebody else, or a folder that an export wrote, becomes an image. */
export const importImage: UseCase<ImportImageRequest, ImportImageRequest> = {
  prepare: async (core, request) => {
    requireImageName(request.name);
    requireProperties(request.properties);
    // only looked at here; the operation opens it again
    await using source = await holdSource(core, request.path);
    await checkQuota(core, source.stat.allocatedBytes);
    return { target: request.name, locks: { exclusive: [], shared: [] }, input: request };
  },
  run: async (context, request, signal) => {
    await context.store.assertWritable();
    await using source = await holdSource(context, request.path);
    await checkQuota(context, source.stat.allocatedBytes);
    const plan: ImportPlan = { version: 1, imageId: newUuid() };
    await context.operation.enter('take in', plan);
    try {
      const image = await fillAndPublish(context, { request, source, imageId: plan.imageId }, signal);
      await context.operation.settle('published');
      return { imageId: image.id };
    } catch (error) {
      await undoAndSettle(context, () => removeUnpublished(context, plan.imageId));
      throw error;
    }
  },
};

async function fillAndPublish(
  context: OperationContext,
  work: { readonly request: ImportImageRequest; readonly source: HeldFile; readonly imageId: string },
  signal: AbortSignal,
): Promise<Image> {
  const { request, source } = work;
  const draft = await context.store.createDraft(work.imageId);
  const made = await fill(context, { request, source, draft }, signal);
  return await publishTakenIn(context, { draft, made }, signal);
}

async function fill(
  context: OperationContext,
  work: { readonly request: ImportImageRequest; readonly source: HeldFile; readonly draft: ImageDraft },
  signal: AbortSignal,
): Promise<NewImage> {
  const { kind } = work.source.stat;
  return kind === 'directory' ? await importFolder(context, work, signal) : await importDisk(context, work, signal);
}

export const recoverImportImage: Recover = async (core, unfinished) => {
  const { imageId } = importPlanSchema.parse(unfinished.plan);
  const isKept = await removeUnpublished(core, imageId);
  return [isKept ? `The image ${imageId} had been published and was kept.` : 'What had been taken in was removed.'];
};
