import { maySeeInstance } from '../../../model/access.ts';
import type { Selectable } from '../../../model/backup/selector.ts';
import { DarkroomError } from '../../../model/errors.ts';
import type { Image } from '../../../model/image.ts';
import type { Core } from '../../support/context.ts';
import { notFound } from '../find-instance.ts';

/** As much of an instance as its backups need. */
export interface KnownInstance extends Selectable {
  readonly name: string;
  readonly owner: string | null;
  /** Nothing of it changes, and nothing of it can be backed up. */
  readonly isShelved: boolean;
  /** False: another host shelved it into the same store. */
  readonly isOfHost: boolean;
}

export type KnownInstances = ReadonlyMap<string, KnownInstance>;

/** Everybody's: what libvirt has and what is shelved, by id. Guests are not asked for anything. */
export async function readKnownInstances(core: Core): Promise<KnownInstances> {
  const [domains, shelf] = await Promise.all([core.hypervisor.describeDomains(), core.shelf.list()]);
  const shelved = shelf.instances.map((record): KnownInstance => {
    const { id, name, owner, host } = record;
    return { id, name, owner, labels: labelsOf(record), isShelved: true, isOfHost: host === core.hostName };
  });
  const here = domains.map(({ info, description }): KnownInstance => {
    const record = shelf.instances.find(({ id, host }) => id === info.uuid && host === core.hostName);
    const isOff = info.powerState === 'shutdown' || info.powerState === 'suspended';
    const { uuid: id, name } = info;
    const isShelved = record !== undefined && isOff;
    return { id, name, owner: description.owner, labels: labelsOf(description), isShelved, isOfHost: true };
  });
  return new Map([...shelved, ...here].map((instance) => [instance.id, instance]));
}

interface MaybeLabelled {
  readonly owner: string | null;
  readonly labels?: Readonly<Record<string, string>>;
}

function labelsOf({ labels }: MaybeLabelled): Readonly<Record<string, string>> {
  return labels ?? {};
}

/**
 * The id of the instance that the caller means, by its id or name; one that is gone is known by the id that its backups have.
 * INSTANCE_NOT_FOUND, AMBIGUOUS_NAME.
 */
export function identifyInstance(
  core: Core,
  reference: string,
  { instances, backups }: { readonly instances: KnownInstances; readonly backups: readonly Image[] },
): string {
  const id = reference.toLowerCase();
  const visible = [...instances.values()].filter((instance) => maySeeInstance(core.caller, instance));
  const isKnown = visible.some((instance) => instance.id === id);
  if (isKnown || backups.some(({ properties }) => properties['instance_uuid'] === id)) return id;
  const named = visible.filter(({ name }) => name === reference);
  const [found, ...others] = preferHere(named);
  if (found === undefined) throw notFound(core, reference);
  if (others.length > 0) throw ambiguous(reference, [found, ...others]);
  return found.id;
}

/** As everywhere: libvirt knows a name once, and comes before the shelf. */
function preferHere(named: readonly KnownInstance[]): readonly KnownInstance[] {
  const here = named.filter(({ isShelved }) => !isShelved);
  return here.length > 0 ? here : named;
}

function ambiguous(reference: string, instances: readonly KnownInstance[]): DarkroomError {
  const ids = instances.map(({ id }) => id).join(', ');
  return new DarkroomError(
    'AMBIGUOUS_NAME',
    `${instances.length} instances are called ${JSON.stringify(reference)}: name one by its id: ${ids}.`,
    { fields: { instance: reference, ids } },
  );
}
