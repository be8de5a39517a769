import { DarkroomError } from '../../../model/errors.ts';
import { DOMAIN_XML_FILE } from '../../../model/image.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';
import { isSameState } from './is-as-captured.ts';

const MAX_XML_BYTES = 4 * 1024 ** 2;

/** INSTANCE_STATE when the machine on the host is not the one in its image any more: disks, firmware, definition. */
export async function requireUnchanged(core: Core, record: ShelvedInstance, definition: string): Promise<void> {
  for (const disk of record.disks) {
    if (isSameState(await core.files.stat(disk.path), disk)) continue;
    throw changed(record, `disk ${disk.target} was written to (${disk.path})`);
  }
  for (const { path, file, sha256 } of record.files) {
    if ((await core.files.stat(path)) === null || (await core.files.hash(path)) !== sha256) {
      throw changed(record, `${file} is another (${path})`);
    }
    const kept = await core.store.resolveFile(record.imageId, file);
    if ((await core.files.hash(kept)) !== sha256) throw changed(record, `${file} in its image is damaged`);
  }
  const shelved = await core.store.resolveFile(record.imageId, DOMAIN_XML_FILE);
  if ((await core.files.readText(shelved, { maxBytes: MAX_XML_BYTES })) !== definition) {
    throw changed(record, 'its definition was edited');
  }
}

function changed(record: ShelvedInstance, what: string): DarkroomError {
  return new DarkroomError(
    'INSTANCE_STATE',
    `The instance ${record.name} is not what it was when it was shelved: ${what}. Unshelve it, and shelve it again.`,
    { fields: { instanceId: record.id } },
  );
}
