import { maySeeInstance } from '../../../model/access.ts';
import { type DomainDescription, describeDomain } from '../../../model/domain-xml/describe-domain.ts';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { Core } from '../../support/context.ts';
import { findInstance } from '../find-instance.ts';
import { volumeId } from '../volume-id.ts';

export interface FoundVolume {
  readonly id: string;
  readonly domain: DomainInfo;
  readonly target: string;
}

/** A volume of an instance on this host, by its id or as `<instance>/<target>`. VOLUME_NOT_FOUND. */
export async function findVolume(core: Core, reference: string): Promise<FoundVolume> {
  const slash = reference.lastIndexOf('/');
  if (slash > 0) return await findByTarget(core, reference.slice(0, slash), reference.slice(slash + 1));
  const wanted = reference.toLowerCase();
  for (const { info, description } of await core.hypervisor.describeDomains()) {
    if (!maySeeInstance(core.caller, description)) continue;
    const target = targetsOf(description).find((each) => volumeId(info.uuid, each) === wanted);
    if (target !== undefined) return { id: wanted, domain: info, target };
  }
  throw notFound(reference);
}

async function findByTarget(core: Core, instance: string, target: string): Promise<FoundVolume> {
  const domain = await findInstance(core, instance).catch((error: unknown) => {
    throw hasCode(error, 'INSTANCE_NOT_FOUND') ? notFound(`${instance}/${target}`) : error;
  });
  const description = describeDomain(await core.hypervisor.getDomainXml(domain.uuid));
  if (!targetsOf(description).includes(target)) throw notFound(`${instance}/${target}`);
  return { id: volumeId(domain.uuid, target), domain, target };
}

function targetsOf({ disks }: DomainDescription): readonly string[] {
  return disks.filter(({ device }) => device === 'disk').map(({ target }) => target);
}

function notFound(reference: string): DarkroomError {
  return new DarkroomError(
    'VOLUME_NOT_FOUND',
    `No volume of this host is ${reference}: state its id, or <instance>/<target>. darkroom volume list shows them.`,
    { fields: { volume: reference } },
  );
}
