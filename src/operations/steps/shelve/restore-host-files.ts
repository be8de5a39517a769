import path from 'node:path';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { ShelvedFile, ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';

/** Puts back what libvirt removed with an undefine that is given up, as far as it was kept. */
export async function restoreHostFiles(core: Core, record: ShelvedInstance): Promise<void> {
  for (const file of record.files) {
    if ((await core.files.stat(file.path)) !== null) continue;
    const source = await locateKept(core, record, file);
    if ((await core.files.stat(source)) === null) core.log.warn({ file: file.path }, 'a file of the machine is lost');
    else await restoreFile(core, file, source);
  }
}

/** In the image, or in its draft while that is all there is. */
async function locateKept(core: Core, { imageId }: ShelvedInstance, { file }: ShelvedFile): Promise<string> {
  try {
    return await core.store.resolveFile(imageId, file);
  } catch (error) {
    if (!hasCode(error, 'IMAGE_NOT_FOUND', 'IMAGE_DAMAGED')) throw error;
    return core.store.openDraft(imageId).sealedPath(file);
  }
}

/**
 * OPERATION_INTERRUPTED, with nothing thrown away, when libvirt dropped the saved memory with an undefine that then failed: that cannot
 * be put back under a domain that is still defined.
 */
export function requireMemory(
  core: Core,
  { domain, record }: { readonly domain: DomainInfo; readonly record: ShelvedInstance },
): void {
  if (record.memory === null || domain.hasManagedSave) return;
  const file = core.store.openDraft(record.imageId).sealedPath(record.memory.file);
  throw new DarkroomError(
    'OPERATION_INTERRUPTED',
    `libvirt dropped the saved memory of ${record.name} and did not undefine it. Its memory is in ${file}; ` +
      `undefine the domain (virsh undefine ${record.name} --keep-nvram), and run darkroom doctor --repair: the offload is finished then.`,
    { fields: { instanceId: record.id } },
  );
}

async function restoreFile(core: Core, { path: target, ownership }: ShelvedFile, source: string): Promise<void> {
  await core.files.makeDirectory(path.dirname(target));
  await core.files.copy(source, target);
  // whatever a record says: no bits that would lend rights
  await core.files.setOwnership(target, { ...ownership, mode: ownership.mode & 0o777 });
  await core.files.sync(target);
}
