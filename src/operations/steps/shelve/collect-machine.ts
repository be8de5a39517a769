import path from 'node:path';
import { DarkroomError } from '../../../model/errors.ts';
import { type Image, type ImageFile, TPM_FOLDER } from '../../../model/image.ts';
import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { ImageDraft } from '../../../model/ports/image-store.ts';
import {
  MEMORY_FILE,
  MEMORY_XML_FILE,
  type ShelvedCheckpoint,
  type ShelvedFile,
  type ShelvedInstance,
} from '../../../model/shelved-instance.ts';
import type { OperationContext } from '../../support/context.ts';
import { readFirmware, SWTPM_ROOT } from '../capture/read-firmware.ts';
import { writeFirmware } from '../capture/write-firmware.ts';
import { ownershipOf } from '../file-ownership.ts';
import { finishFile } from '../finish-file.ts';
import { TransferProgress } from '../store/transfer-progress.ts';
import type { Shelvable } from './inspect-shelvable.ts';

const CHECKPOINT_FOLDER = 'checkpoints';
const EXTRA_FOLDER = 'files';

export interface Collected extends Pick<ShelvedInstance, 'files' | 'memory' | 'checkpoints'> {
  readonly firmware: Pick<Image, 'nvram' | 'tpm'>;
}

/** Everything of a machine that is off but its disks, sealed in the draft. */
export async function collectMachine(
  context: OperationContext,
  draft: ImageDraft,
  shelvable: Shelvable,
  signal: AbortSignal,
): Promise<Collected> {
  const { description, savedXml, domain } = shelvable.inspection;
  const source = { firmware: await readFirmware(context, description), domainXml: savedXml };
  const firmware = await writeFirmware(context, draft, source, signal);
  const files: ShelvedFile[] = [];
  if (firmware.nvram !== null && description.nvramPath !== null) {
    files.push(await locate(context, firmware.nvram, description.nvramPath));
  }
  for (const file of firmware.tpm) {
    const relative = path.relative(TPM_FOLDER, file.file);
    files.push(await locate(context, file, path.join(SWTPM_ROOT, domain.uuid, relative)));
  }
  for (const extra of shelvable.extras) files.push(await takeExtra(context, draft, { source: extra, signal }));
  return {
    firmware,
    files,
    memory: domain.hasManagedSave ? await takeMemory(context, draft, { domain, signal }) : null,
    checkpoints: await takeCheckpoints(context, draft, { instanceId: domain.uuid, signal }),
  };
}

async function locate(context: OperationContext, file: ImageFile, hostPath: string): Promise<ShelvedFile> {
  return { ...file, path: hostPath, ownership: await ownershipOf(context, hostPath) };
}

async function takeExtra(
  context: OperationContext,
  draft: ImageDraft,
  { source, signal }: { readonly source: string; readonly signal: AbortSignal },
): Promise<ShelvedFile> {
  const file = `${EXTRA_FOLDER}/${path.basename(source)}`;
  await context.files.copy(source, draft.path(file));
  return await locate(context, await finishFile(context, draft, file, { signal }), source);
}

/** libvirt only ever reads it, or removes its name: a second name is as good as a copy. */
async function takeMemory(
  context: OperationContext,
  draft: ImageDraft,
  { domain, signal }: { readonly domain: DomainInfo; readonly signal: AbortSignal },
): Promise<ImageFile> {
  const { name, uuid } = domain;
  const source = context.hypervisor.managedSavePath(name);
  if (source === null) throw new DarkroomError('INTERNAL', `nobody knows where the memory of ${name} is`);
  const target = draft.path(MEMORY_FILE);
  const isShared = (await context.files.tryClone(source, target)) || (await context.files.tryLink(source, target));
  const bandwidthBytesPerSecond = context.settings.copyBandwidthBytesPerSecond;
  if (!isShared) await context.files.copy(source, target, { bandwidthBytesPerSecond });
  await context.files.writeDurably(draft.path(MEMORY_XML_FILE), await context.hypervisor.getManagedSaveXml(uuid), {
    mode: 0o600,
  });
  await draft.seal(MEMORY_XML_FILE, { isSecret: true, signal });
  const onBytes = new TransferProgress(context, 'upload').addFile((await context.files.stat(target))?.sizeBytes ?? 0);
  const { sizeBytes } = await draft.seal(MEMORY_FILE, { isSecret: true, signal, onBytes });
  return { file: MEMORY_FILE, sizeBytes, sha256: await context.files.hash(draft.sealedPath(MEMORY_FILE)) };
}

async function takeCheckpoints(
  context: OperationContext,
  draft: ImageDraft,
  { instanceId, signal }: { readonly instanceId: string; readonly signal: AbortSignal },
): Promise<ShelvedCheckpoint[]> {
  const checkpoints: ShelvedCheckpoint[] = [];
  for (const [index, { name, xml }] of (await context.hypervisor.listCheckpoints(instanceId)).entries()) {
    const file = `${CHECKPOINT_FOLDER}/${index}.xml`;
    await context.files.writeDurably(draft.path(file), xml, { mode: 0o600 });
    await draft.seal(file, { isSecret: true, signal });
    checkpoints.push({ name, file });
  }
  return checkpoints;
}
