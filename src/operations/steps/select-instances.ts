import { maySeeInstance } from '../../model/access.ts';
import type { InstanceSelector } from '../../model/backup/schedule.ts';
import { covers } from '../../model/backup/selector.ts';
import type { CreateScheduleRequest } from '../../model/requests.ts';
import type { Core } from '../support/context.ts';
import { findDomainOf, notFound } from './find-instance.ts';
import { findShelved } from './shelve/find-shelved.ts';

export interface SelectedInstance {
  readonly id: string;
  readonly name: string;
}

interface Candidate extends SelectedInstance {
  readonly owner: string | null;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * What a selector means right now to the caller of the core, by name: of this host, and what this host has shelved. One that
 * was named by its id is found wherever it was shelved. None: an empty list.
 */
export async function selectInstances(core: Core, selector: InstanceSelector): Promise<readonly SelectedInstance[]> {
  const here = await listHere(core);
  const away = (await listAway(core, selector)).filter(({ id }) => !here.some((instance) => instance.id === id));
  return [...here, ...away]
    .filter((instance) => maySeeInstance(core.caller, instance) && covers(selector, instance))
    .map(({ id, name }) => ({ id, name }))
    .sort((left, right) => left.name.localeCompare(right.name));
}

/** The same selector by an id that stays when names change. INSTANCE_NOT_FOUND, AMBIGUOUS_NAME; shelved ones are found too. */
export async function resolveSelector(
  core: Core,
  selector: CreateScheduleRequest['selector'],
): Promise<InstanceSelector> {
  if (selector.kind !== 'instance') return selector;
  const reference = selector.instance;
  const instanceId = (await findDomainOf(core, reference))?.uuid ?? (await findShelved(core, reference))?.id;
  if (instanceId === undefined) throw notFound(core, reference);
  return { kind: 'instance', instanceId };
}

async function listHere({ hypervisor }: Core): Promise<readonly Candidate[]> {
  return (await hypervisor.describeDomains()).map(({ info, description }) => ({
    id: info.uuid,
    name: info.name,
    owner: description.owner,
    labels: description.labels,
  }));
}

/** Those that others shelved into the same store are not this host's, unless somebody means just that one. */
async function listAway({ shelf, hostName }: Core, selector: InstanceSelector): Promise<readonly Candidate[]> {
  return (await shelf.list()).instances
    .filter(({ host }) => selector.kind === 'instance' || host === hostName)
    .map((record) => ({ id: record.id, name: record.name, owner: record.owner, labels: record.labels }));
}
