import type { Client } from '../api/client.ts';
import { EXIT_CODES } from '../api/error-table.ts';
import { loadInventory } from '../config/inventory.ts';
import { mapConcurrently } from '../lib/async.ts';
import { DarkroomError, toDarkroomError } from '../model/errors.ts';
import type { StandaloneParts } from './context.ts';
import { openHost } from './open-host.ts';

/** A host of the inventory that can be asked. */
export interface FleetHost {
  readonly name: string;
  /** What it is asked ends with the signal. */
  open(signal: AbortSignal): Promise<Client>;
}

export type HostAnswer<Answer> =
  | { readonly host: string; readonly failure: null; readonly answer: Answer }
  | { readonly host: string; readonly failure: DarkroomError };

const HOSTS_AT_ONCE = 8;
const HOST_TIMEOUT_MS = 5000;

/** All hosts of the inventory; HOST_NOT_FOUND when it holds none. This host is one of them only where it is named. */
export function openFleet({
  options,
  environment,
}: Pick<StandaloneParts, 'options' | 'environment'>): readonly FleetHost[] {
  const { hosts, places } = loadInventory({ file: options.config, env: environment });
  if (hosts.length === 0) {
    throw new DarkroomError('HOST_NOT_FOUND', `No host is known: name them under 'hosts:' in ${places}.`);
  }
  return hosts.map((host) => ({
    name: host.name,
    open: (signal) => openHost(host, { signal, connectTimeoutMs: 0, answerTimeoutMs: 0 }),
  }));
}

/** Asks all of them the same, some at once, each for a limited time; what keeps one from answering is its own affair. */
export async function askHosts<Answer>(
  hosts: readonly FleetHost[],
  ask: (client: Client) => Promise<Answer>,
  timeoutMs: number = HOST_TIMEOUT_MS,
): Promise<readonly HostAnswer<Answer>[]> {
  return await mapConcurrently(hosts, HOSTS_AT_ONCE, async ({ name, open }) => {
    try {
      const answer = await ask(await open(AbortSignal.timeout(timeoutMs)));
      return { host: name, failure: null, answer };
    } catch (error) {
      return { host: name, failure: toDarkroomError(error) };
    }
  });
}

export function listDown<Answer>(
  answers: readonly HostAnswer<Answer>[],
): readonly { readonly host: string; readonly failure: DarkroomError }[] {
  return answers.flatMap((answer) => (answer.failure === null ? [] : [answer]));
}

/** One that answers is enough: the others are told of. */
export function fleetExitCode(answers: readonly HostAnswer<unknown>[]): number {
  return answers.every(({ failure }) => failure !== null) ? EXIT_CODES.unreachable : EXIT_CODES.done;
}
