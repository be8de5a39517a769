import type { Instance } from '../../model/instance.ts';
import type { InstanceFilter } from '../../model/requests.ts';
import { askHosts, type FleetHost, fleetExitCode, type HostAnswer, listDown } from '../fleet.ts';
import { type Output, printResult } from '../output.ts';
import { renderFleet } from '../render/fleet.ts';
import { INSTANCE_HEADINGS, instanceCells } from '../render/instance.ts';

/** An instance and the host of the inventory that it is on; null: on none, in a store that hosts share. */
export interface PlacedInstance {
  readonly host: string | null;
  readonly instance: Instance;
}

/** Ends with 7 when no host answers at all. */
export async function listEverywhere(
  output: Output,
  { hosts, filter }: { readonly hosts: readonly FleetHost[]; readonly filter: InstanceFilter },
): Promise<number> {
  const answers = await askHosts(hosts, (client) => client.instances.list(filter));
  const placed = placeInstances(answers);
  const down = listDown(answers);
  const document = [
    ...placed.map(({ host, instance }) => ({ ...instance, host })),
    ...down.map(({ host, failure: { code, message } }) => ({
      id: null,
      name: null,
      state: 'down',
      host,
      error: { code, message },
    })),
  ];
  const rows = placed.map(({ host, instance }) => ({ host, cells: instanceCells(output, instance) }));
  await printResult(output, document, () => renderFleet(output, { headings: INSTANCE_HEADINGS, rows, down }));
  return fleetExitCode(answers);
}

/**
 * Where each instance is. What is shelved is known to every host that reaches its store, and told of once: by the host
 * that it is on where that one answers.
 */
export function placeInstances(answers: readonly HostAnswer<readonly Instance[]>[]): readonly PlacedInstance[] {
  const seen = answers.flatMap((answer) =>
    answer.failure === null ? answer.answer.map((instance) => ({ teller: answer.host, instance })) : [],
  );
  const live = seen.filter(({ instance }) => !isShelved(instance));
  const known = new Set(live.map(({ instance }) => instance.id));
  const placed: PlacedInstance[] = live.map(({ teller, instance }) => ({ host: teller, instance }));
  const shelved = seen.filter(({ instance }) => isShelved(instance));
  const ownFirst = [...shelved.filter(isTeller), ...shelved.filter((sight) => !isTeller(sight))];
  for (const { teller, instance } of ownFirst) {
    if (known.has(instance.id)) continue;
    known.add(instance.id);
    placed.push({ host: instance.host === null ? null : teller, instance });
  }
  return placed;
}

function isShelved({ state }: Instance): boolean {
  return state === 'shelved' || state === 'shelved_offloaded';
}

function isTeller({ teller, instance }: { readonly teller: string; readonly instance: Instance }): boolean {
  return instance.host === teller;
}
