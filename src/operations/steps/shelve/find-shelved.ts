import { maySeeInstance } from '../../../model/access.ts';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';

/** The shelved instance with that UUID or, failing that, that name; null when there is none. AMBIGUOUS_NAME. */
export async function findShelved(core: Core, reference: string): Promise<ShelvedInstance | null> {
  const instances = (await core.shelf.list()).instances.filter((record) => maySeeInstance(core.caller, record));
  const byId = instances.find(({ id }) => id === reference.toLowerCase());
  if (byId !== undefined) return byId;
  const [found, ...others] = instances.filter(({ name }) => name === reference);
  if (found === undefined || others.length === 0) return found ?? null;
  const ids = [found, ...others].map(({ id }) => id).join(', ');
  throw new DarkroomError(
    'AMBIGUOUS_NAME',
    `${others.length + 1} shelved instances are called ${JSON.stringify(reference)}: name one by its id: ${ids}.`,
    { fields: { instance: reference, ids } },
  );
}

/** The record of a domain of this host that is shelved, or on its way to or from the shelf; null for any other domain. */
export async function readOwnRecord(core: Core, domain: Pick<DomainInfo, 'uuid'>): Promise<ShelvedInstance | null> {
  try {
    const record = await core.shelf.read(domain.uuid);
    return record?.host === core.hostName ? record : null;
  } catch (error) {
    // guests come before records: a store that is away stops nobody from starting one
    if (!hasCode(error, 'STORE_UNUSABLE', 'SHELF_DAMAGED')) throw error;
    core.log.warn({ instanceId: domain.uuid, error: error.message }, 'whether an instance is shelved cannot be read');
    return null;
  }
}

/** INSTANCE_STATE: what is shelved is left alone until it is back. */
export function shelvedConflict(record: ShelvedInstance): DarkroomError {
  return new DarkroomError(
    'INSTANCE_STATE',
    `The instance ${record.name} (${record.id}) is ${record.state}. Bring it back first: darkroom instance unshelve ${record.name}`,
    { fields: { instanceId: record.id, state: record.state, host: record.host } },
  );
}
