import { maySeeInstance } from '../../model/access.ts';
import { describeDomain } from '../../model/domain-xml/describe-domain.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { DomainInfo } from '../../model/ports/hypervisor.ts';
import type { Core } from '../support/context.ts';
import { findShelved, readOwnRecord, shelvedConflict } from './shelve/find-shelved.ts';

/**
 * The domain with that UUID or, failing that, that name. INSTANCE_NOT_FOUND says how to see what there is; INSTANCE_STATE when it is
 * shelved, on this host or on none.
 */
export async function findInstance(core: Core, reference: string): Promise<DomainInfo> {
  const domain = await findDomainOf(core, reference);
  const record = domain === null ? await findShelved(core, reference) : await readOwnRecord(core, domain);
  if (record !== null) throw shelvedConflict(record);
  if (domain === null) throw notFound(core, reference);
  return domain;
}

/** The same whatever the shelf says; null when libvirt knows none that the caller may see. */
export async function findDomainOf(core: Core, reference: string): Promise<DomainInfo | null> {
  const domains = await core.hypervisor.listDomains();
  const found =
    domains.find((domain) => domain.uuid === reference.toLowerCase()) ??
    domains.find((domain) => domain.name === reference);
  return found !== undefined && (await isVisible(core, found.uuid)) ? found : null;
}

/** An admin sees all of them, without a look at what they are. */
export async function isVisible(
  { caller, hypervisor }: Pick<Core, 'caller' | 'hypervisor'>,
  uuid: string,
): Promise<boolean> {
  return caller.role === 'admin' || maySeeInstance(caller, describeDomain(await hypervisor.getDomainXml(uuid)));
}

export function notFound(core: Core, reference: string): DarkroomError {
  return new DarkroomError(
    'INSTANCE_NOT_FOUND',
    `No instance is called ${JSON.stringify(reference)} on ${core.hypervisor.uri}, nor shelved in ${core.store.location}. ` +
      'darkroom instance list shows what there is.',
    { fields: { instance: reference } },
  );
}
