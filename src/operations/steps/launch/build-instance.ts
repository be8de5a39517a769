import path from 'node:path';
import { buildSeed } from '../../../model/cloud-init.ts';
import { describeDomain } from '../../../model/domain-xml/describe-domain.ts';
import { listBootFiles } from '../../../model/domain-xml/host-paths.ts';
import type { LaunchDisk } from '../../../model/domain-xml/launch-disks.ts';
import type { LaunchXml } from '../../../model/domain-xml/launch-xml.ts';
import type { Image } from '../../../model/image.ts';
import type { LaunchJournalPlan } from '../../launch-plan.ts';
import type { OperationContext } from '../../support/context.ts';
import { throwIfCancelled } from '../../support/patience.ts';
import { requireActive } from '../find-image.ts';
import { fetchImage } from '../store/fetch-files.ts';
import { copyNvram } from './copy-nvram.ts';
import { drawUpXml, type LaunchDesign } from './design-launch.ts';
import { drawMacs } from './fresh-macs.ts';
import { guestOwnership, makeInstanceFolder, writeInstanceRecord } from './instance-folder.ts';
import { materialiseDisks } from './materialise-disks.ts';
import { requireReachable } from './require-reachable.ts';
import { requireWholeImage } from './require-whole-image.ts';

export interface Launch {
  readonly design: LaunchDesign;
  readonly plan: LaunchJournalPlan;
}

/** Makes everything that the new machine consists of, and defines it. The journal knows the plan already. */
export async function buildInstance(context: OperationContext, launch: Launch, signal: AbortSignal): Promise<void> {
  const { design, plan } = launch;
  await context.operation.saveResult({ instanceId: plan.instanceId, imageId: plan.imageId });
  await makeInstanceFolder(context, plan.folder);
  await requireReachable(context, path.join(plan.folder, 'disk'));
  if (plan.isThin) await becomeUser(context, plan);
  await fetchWhole(context, design.image, signal);
  await context.operation.enter('making disks', plan);
  const began = context.clock.monotonicMs();
  const disks = await materialiseDisks(context, design.image, { ...plan, signal });
  context.operation.addTiming('disksMs', context.clock.monotonicMs() - began);
  throwIfCancelled(signal);
  if (design.nvramPath !== null) await copyNvram(context, design.image, design.nvramPath);
  if (design.seedPath !== null) await makeSeed(context, { design, seedPath: design.seedPath, signal });
  await record(context, launch, disks);
  await define(context, launch, disks);
  throwIfCancelled(signal);
}

/** What lies elsewhere was not looked at before: nobody waits for bytes without an operation. Users keep what is fetched. */
async function fetchWhole(context: OperationContext, image: Image, signal: AbortSignal): Promise<void> {
  if (context.store.keepsFilesHere) return;
  await fetchImage(context, image, { signal, step: 'look' });
  await requireWholeImage(context, image);
}

/** On record before the overlay exists. A delete of the image on another host marks it first and then looks for users. */
async function becomeUser(context: OperationContext, plan: LaunchJournalPlan): Promise<void> {
  await context.store.addUser(plan.imageId, {
    instanceId: plan.instanceId,
    instanceName: plan.instanceName,
    host: context.hostName,
    since: context.clock.now().toISOString(),
  });
  requireActive(await context.store.readImage(plan.imageId));
}

async function makeSeed(
  context: OperationContext,
  { design, seedPath, signal }: { design: LaunchDesign; seedPath: string; signal: AbortSignal },
): Promise<void> {
  const { name, sshKeys, userData } = design.request;
  const content = buildSeed({ instanceId: design.instanceId, instanceName: name, sshKeys, userData });
  await context.seeds.create(seedPath, content, signal);
  await context.files.setOwnership(seedPath, await guestOwnership(context));
}

/** What a delete may remove, before there is anything to delete. */
async function record(
  context: OperationContext,
  { design, plan }: Launch,
  disks: readonly LaunchDisk[],
): Promise<void> {
  const made = [...disks.map((disk) => disk.path), design.nvramPath, design.seedPath];
  await writeInstanceRecord(context, plan.folder, {
    version: 1,
    instanceId: plan.instanceId,
    instanceName: plan.instanceName,
    imageId: plan.imageId,
    clone: plan.isThin ? 'thin' : 'full',
    files: made.flatMap((file) => (file === null ? [] : [path.basename(file)])),
    createdAt: context.clock.now().toISOString(),
  });
}

async function define(
  context: OperationContext,
  { design, plan }: Launch,
  disks: readonly LaunchDisk[],
): Promise<void> {
  const interfaces = describeDomain(drawUpXml(design, { disks, macs: [] }).xml).interfaces.length;
  const built = drawUpXml(design, { disks, macs: await drawMacs(context, interfaces) });
  await context.operation.enter('defining', plan);
  await context.hypervisor.defineDomain(built.xml);
  warnOfDifferences(context, design.image, built);
}

function warnOfDifferences({ operation }: OperationContext, image: Image, { xml, dropped }: LaunchXml): void {
  if (dropped.length > 0)
    operation.warn(`Left out, because it belongs to the source or its host: ${dropped.join(', ')}.`);
  const kernels = listBootFiles(xml).filter(({ kind }) => kind === 'direct');
  if (kernels.length > 0) {
    operation.warn(
      `It boots from files of this host, as its source does: ${kernels.map((file) => file.path).join(', ')}.`,
    );
  }
  if (image.tpm.length > 0 && describeDomain(xml).hasTpm) {
    operation.warn('Its TPM is new and empty: what the source has sealed to its own stays sealed.');
  }
}
