import { DarkroomError } from '../../model/errors.ts';
import type { DomainInfo } from '../../model/ports/hypervisor.ts';
import type { Core } from '../support/context.ts';

/** The domain with that UUID or, failing that, that name. INSTANCE_NOT_FOUND names what there is. */
export async function findInstance(core: Core, reference: string): Promise<DomainInfo> {
  const domains = await core.hypervisor.listDomains();
  const found =
    domains.find((domain) => domain.uuid === reference.toLowerCase()) ??
    domains.find((domain) => domain.name === reference);
  if (found !== undefined) return found;
  throw new DarkroomError(
    'INSTANCE_NOT_FOUND',
    `No instance is called ${JSON.stringify(reference)} on ${core.hypervisor.uri}. ` +
      'darkroom instance list shows what there is.',
    { fields: { instance: reference } },
  );
}
