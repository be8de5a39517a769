import path from 'node:path';
import { newUuid } from '../../../lib/uuid.ts';
import { describeDomain } from '../../../model/domain-xml/describe-domain.ts';
import { buildVerificationXml } from '../../../model/domain-xml/verification-xml.ts';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { Image } from '../../../model/image.ts';
import type { LaunchInstanceRequest } from '../../../model/requests.ts';
import type { Core, OperationContext } from '../../support/context.ts';
import { outlastLibvirtRestart, throwIfCancelled } from '../../support/patience.ts';
import type { VerifyPlan } from '../../verify-plan.ts';
import { copyNvram } from '../launch/copy-nvram.ts';
import { designLaunch, drawUpXml, foreseeDisks, type LaunchDesign } from '../launch/design-launch.ts';
import { guestOwnership, makeInstanceFolder } from '../launch/instance-folder.ts';
import { materialiseDisks } from '../launch/materialise-disks.ts';
import { requireOpenBootFiles } from '../launch/require-launchable.ts';
import { requireReachable } from '../launch/require-reachable.ts';
import { undoAndSettle } from '../undo-and-settle.ts';
import { awaitLife, type BootRequest } from './await-life.ts';

const CONSOLE_FILE = 'console.log';

interface Machine {
  readonly design: LaunchDesign;
  readonly xml: string;
  readonly consolePath: string;
}

/**
 * Starts an image for a moment, on throw-away overlays (decrypted copies of an encrypted one), without a network, and waits for a sign of life; VERIFY_FAILED
 * without one. The machine is transient and bound to our connection, and goes in any case.
 */
export async function bootImage(context: OperationContext, request: BootRequest, signal: AbortSignal): Promise<void> {
  const folder = path.join(context.settings.instancesDir, `verify-${context.operation.id}`);
  const plan: VerifyPlan = { version: 1, domainId: newUuid(), folder };
  const machine = await describeMachine(context, { plan, request });
  await context.operation.enter('boot', plan);
  const started = context.clock.monotonicMs();
  try {
    await fillFolder(context, machine, signal);
    throwIfCancelled(signal);
    await context.hypervisor.createTransientDomain(machine.xml);
    await awaitLife(context, { ...request, domainId: plan.domainId, consolePath: machine.consolePath }, signal);
    context.operation.addTiming('bootMs', context.clock.monotonicMs() - started);
  } finally {
    await undoAndSettle(context, () => removeBoot(context, plan), 'booted');
  }
}

/** Destroys the machine and removes its folder, in whatever state they are. */
export async function removeBoot(core: Core, plan: VerifyPlan): Promise<void> {
  await outlastLibvirtRestart(core, async () => {
    try {
      await core.hypervisor.destroyDomain(plan.domainId);
    } catch (error) {
      if (!hasCode(error, 'INSTANCE_NOT_FOUND')) throw error;
    }
  });
  await core.files.removeTree(plan.folder);
}

/** The machine that a launch would make, cut down; everything that can be said against it is said here. */
async function describeMachine(
  context: OperationContext,
  boot: { readonly plan: VerifyPlan; readonly request: BootRequest },
): Promise<Machine> {
  const { folder, domainId } = boot.plan;
  const { image } = boot.request;
  const request = launchRequest(image, `darkroom-verify-${context.operation.id}`);
  const design = await designLaunch(context, { instanceId: domainId, image, request, folder });
  const disks = await foreseeDisks(context, design, { isThin: isThin(image) });
  const consolePath = path.join(folder, CONSOLE_FILE);
  const xml = buildVerificationXml(drawUpXml(design, { disks, macs: [] }).xml, { consolePath });
  requireSign(xml, boot.request);
  await requireOpenBootFiles(context, xml);
  for (const file of [consolePath, ...disks.flatMap(({ backing }) => backing?.path ?? [])]) {
    await requireReachable(context, file);
  }
  return { design, xml, consolePath };
}

/** QEMU has no key: an encrypted image is tried in a copy. */
function isThin({ isEncrypted }: Image): boolean {
  return !isEncrypted;
}

function launchRequest(image: Image, name: string): LaunchInstanceRequest {
  const asInSource = { memoryMiB: null, vcpus: null, network: null, sshKeys: [], userData: null } as const;
  return { kind: 'instance.launch', name, image: image.id, clone: 'thin', isStarted: true, ...asInSource };
}

function requireSign(xml: string, { image, expect }: BootRequest): void {
  if (expect !== null || describeDomain(xml).hasAgentChannel) return;
  throw new DarkroomError(
    'INSTANCE_UNSUPPORTED',
    `The machine of the image ${image.name} (${image.id}) has no channel for a guest agent, so that it cannot say that it runs. ` +
      "Name a text that its serial console shows: --expect 'login:'",
    { fields: { imageId: image.id } },
  );
}

async function fillFolder(context: OperationContext, machine: Machine, signal: AbortSignal): Promise<void> {
  const { image, folder, nvramPath } = machine.design;
  await makeInstanceFolder(context, folder);
  await materialiseDisks(context, image, { folder, isThin: isThin(image), signal });
  if (nvramPath !== null) await copyNvram(context, image, nvramPath);
  await context.files.writeDurably(machine.consolePath, '', await guestOwnership(context));
}
