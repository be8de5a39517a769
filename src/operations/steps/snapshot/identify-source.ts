import { isUuid } from '../../../lib/uuid.ts';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import { maySeeSnapshot } from '../../../model/snapshot/access.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { Core } from '../../support/context.ts';
import { findDomainOf, notFound } from '../find-instance.ts';
import { findShelved } from '../shelve/find-shelved.ts';
import { findVolume } from './find-volume.ts';

/**
 * Id of a volume that is or was here, by its id or `<instance>/<target>`: of an instance that is gone or shelved its snapshots know what
 * it was called. VOLUME_NOT_FOUND, AMBIGUOUS_NAME.
 */
export async function identifyVolume(core: Core, reference: string): Promise<string> {
  if (isUuid(reference)) return reference.toLowerCase();
  try {
    return (await findVolume(core, reference)).id;
  } catch (error) {
    if (!hasCode(error, 'VOLUME_NOT_FOUND', 'INSTANCE_STATE')) throw error;
    const records = await listSeen(core);
    const known = records.filter(({ instanceName, target }) => `${instanceName}/${target}` === reference);
    const id = onlyOne(reference, [...new Set(known.map(({ volume }) => volume))]);
    if (id === null) throw error;
    return id;
  }
}

/** The same of an instance, by its id or name. INSTANCE_NOT_FOUND, AMBIGUOUS_NAME. */
export async function identifyInstance(core: Core, reference: string): Promise<string> {
  if (isUuid(reference)) return reference.toLowerCase();
  const domain = await findDomainOf(core, reference);
  if (domain !== null) return domain.uuid;
  const shelved = await findShelved(core, reference);
  if (shelved !== null) return shelved.id;
  const known = (await listSeen(core)).filter(({ instanceName }) => instanceName === reference);
  const id = onlyOne(reference, [...new Set(known.map(({ instance }) => instance))]);
  if (id === null) throw notFound(core, reference);
  return id;
}

async function listSeen(core: Core): Promise<readonly SnapshotRecord[]> {
  const now = core.clock.now();
  const { snapshots } = await core.snapshots.list();
  return snapshots.filter((record) => !record.isDeleted && maySeeSnapshot(core.caller, record, now));
}

/** null: none. */
function onlyOne(reference: string, ids: readonly string[]): string | null {
  const [id = null, ...others] = ids;
  if (others.length === 0) return id;
  throw new DarkroomError(
    'AMBIGUOUS_NAME',
    `${ids.length} were called ${JSON.stringify(reference)}: name one by its id: ${ids.join(', ')}.`,
    { fields: { reference, ids: ids.join(', ') } },
  );
}
