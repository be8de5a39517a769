import { DarkroomError } from '../../../model/errors.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';
import { isAsCaptured } from './is-as-captured.ts';

/** INSTANCE_BUSY when something on the host was written to since: its image does not hold it, and the machine must stay. */
export async function requireAsCaptured(core: Core, record: ShelvedInstance): Promise<void> {
  if (await isAsCaptured(core, record)) return;
  throw new DarkroomError(
    'INSTANCE_BUSY',
    `Somebody wrote to disks or firmware variables of ${record.name} while it was being shelved. Find out who, and shelve it again.`,
    { fields: { instanceId: record.id } },
  );
}
