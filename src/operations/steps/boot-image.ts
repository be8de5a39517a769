import path from 'node:path';
import { newUuid } from '../../lib/uuid.ts';
import { describeDomain } from '../../model/domain-xml/describe-domain.ts';
import { findForeignPaths } from '../../model/domain-xml/foreign-paths.ts';
import type { LaunchDisk } from '../../model/domain-xml/launch-disks.ts';
import { buildLaunchXml } from '../../model/domain-xml/launch-xml.ts';
import { buildVerificationXml } from '../../model/domain-xml/verification-xml.ts';
import { DarkroomError, hasCode } from '../../model/errors.ts';
import { type Image, NVRAM_FILE } from '../../model/image.ts';
import type { FileOwnership } from '../../model/ports/host.ts';
import type { Core, OperationContext } from '../support/context.ts';
import { outlastLibvirtRestart, throwIfCancelled } from '../support/patience.ts';
import type { VerifyPlan } from '../verify-plan.ts';
import { awaitLife } from './await-life.ts';
import { readSourceXml } from './read-source-xml.ts';
import { undoAndSettle } from './undo-and-settle.ts';

const CONSOLE_FILE = 'console.log';

export interface BootRequest {
  readonly image: Image;
  /** Text that must appear on the serial console; null: the guest agent must answer. */
  readonly expect: string | null;
  readonly timeoutMs: number;
}

/**
 * Starts an image for a moment, on throw-away overlays, without a network, and waits for a sign of life; VERIFY_FAILED
 * without one. The machine is transient and bound to our connection, and goes in any case.
 */
export async function bootImage(context: OperationContext, request: BootRequest, signal: AbortSignal): Promise<void> {
  const folder = path.join(context.settings.instancesDir, `verify-${context.operation.id}`);
  const plan: VerifyPlan = { version: 1, domainId: newUuid(), folder };
  const machine = await describeMachine(context, { ...plan, request });
  const started = context.clock.monotonicMs();
  await context.operation.enter('boot', plan);
  try {
    await fillFolder(context, { ...plan, image: request.image, disks: machine.disks, nvramPath: machine.nvramPath });
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

interface Machine {
  readonly xml: string;
  readonly disks: readonly LaunchDisk[];
  readonly nvramPath: string | null;
  readonly consolePath: string;
}

async function describeMachine(
  context: OperationContext,
  boot: VerifyPlan & { readonly request: BootRequest },
): Promise<Machine> {
  const { folder, domainId, request } = boot;
  const { image } = request;
  const disks: LaunchDisk[] = [];
  for (const disk of image.disks) {
    const backing = { path: await context.store.resolveFile(image.id, disk.file), format: disk.format };
    disks.push({ target: disk.target, path: path.join(folder, `disk-${disk.target}.qcow2`), format: 'qcow2', backing });
  }
  const sourceXml = await readSourceXml(context, image);
  // without variables in the image libvirt makes new ones there
  const nvramPath = describeDomain(sourceXml).firmware === 'uefi' ? path.join(folder, NVRAM_FILE) : null;
  const consolePath = path.join(folder, CONSOLE_FILE);
  const built = buildLaunchXml(sourceXml, {
    uuid: domainId,
    name: `darkroom-verify-${context.operation.id}`,
    imageId: image.id,
    memoryMiB: null,
    vcpus: null,
    network: null,
    disks,
    nvramPath,
    seedPath: null,
    macs: [],
  });
  const xml = buildVerificationXml(built.xml, { consolePath });
  requireSign(xml, request);
  requireOwnPaths(xml, { image, folder, disks });
  return { xml, disks, nvramPath, consolePath };
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

/** Whoever wrote the image's XML must not make QEMU read a file of this host. */
function requireOwnPaths(xml: string, own: { image: Image; folder: string; disks: readonly LaunchDisk[] }): void {
  const files = own.disks.flatMap(({ backing }) => (backing === null ? [] : [backing.path]));
  const [foreign] = findForeignPaths(xml, { folders: [own.folder], files });
  if (foreign === undefined) return;
  throw new DarkroomError(
    'INSTANCE_UNSUPPORTED',
    `The machine of the image ${own.image.name} (${own.image.id}) names a file of the host: ${foreign.path} (${foreign.place}).`,
    { fields: { imageId: own.image.id, path: foreign.path } },
  );
}

async function fillFolder(
  context: OperationContext,
  boot: VerifyPlan & Pick<Machine, 'disks' | 'nvramPath'> & { readonly image: Image },
): Promise<void> {
  const { folder, image, disks, nvramPath } = boot;
  const user = await context.files.lookUpUser(context.settings.qemuUser);
  const owned = (mode: number): Partial<FileOwnership> => ({ ...user, mode });
  await context.files.makeDirectory(context.settings.instancesDir);
  await context.files.makeDirectory(folder, owned(user === null ? 0o711 : 0o700));
  for (const { path: overlay, backing } of disks) {
    if (backing === null) continue;
    await context.diskTool.create({ path: overlay, format: 'qcow2', backing });
    await context.files.setOwnership(overlay, owned(0o600));
  }
  if (nvramPath !== null && image.nvram !== null) {
    await context.files.copy(await context.store.resolveFile(image.id, image.nvram.file), nvramPath);
    await context.files.setOwnership(nvramPath, owned(0o600));
  }
  await context.files.writeDurably(path.join(folder, CONSOLE_FILE), '', owned(0o600));
}
