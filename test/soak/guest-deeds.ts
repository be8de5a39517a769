import type { Client } from '../../src/api/client.ts';
import type { SubmitOptions } from '../../src/api/send.ts';
import type { InstanceState } from '../../src/model/instance.ts';
import type { Operation } from '../../src/model/operation.ts';
import type { Random } from './random.ts';

/** One thing that a client asks of a guest. */
export interface GuestDeed {
  /** How the guest is when it went well; null: as it was. */
  readonly leadsTo: InstanceState | null;
  /** Name of the image that it makes. */
  readonly imageName: string | null;
  submit(options: SubmitOptions): Promise<Operation>;
}

type Verb =
  | ('capture' | 'pause' | 'resume' | 'start' | 'stop' | 'ask to stop' | 'reboot' | 'suspend')
  | ('shelve' | 'shelve with memory' | 'shelve in place' | 'unshelve');

/** What may be asked of a guest in each state, and how often; most of the time most guests run. */
const CHOICES: Readonly<Partial<Record<InstanceState, Readonly<Partial<Record<Verb, number>>>>>> = {
  active: {
    ...{ capture: 20, pause: 2, suspend: 2, stop: 3, 'ask to stop': 1, reboot: 1 },
    ...{ shelve: 3, 'shelve with memory': 2, 'shelve in place': 1 },
  },
  paused: { capture: 2, resume: 4, stop: 1, shelve: 1 },
  stopped: { capture: 2, start: 5, shelve: 1 },
  suspended: { capture: 1, start: 4, shelve: 1 },
  shelved: { unshelve: 1 },
  shelved_offloaded: { unshelve: 1 },
};

export interface DeedParts {
  readonly client: Client;
  readonly instanceId: string;
  readonly random: Random;
  /** How an unshelve makes it. */
  readonly shelvedFrom: InstanceState;
  /** For what it makes; no two deeds have the same. */
  readonly name: string;
}

/** Something that makes sense in that state; null in a state that nothing makes sense in. */
export function chooseDeed(state: InstanceState, parts: DeedParts): GuestDeed | null {
  const weights = CHOICES[state];
  return weights === undefined ? null : makeDeed(parts.random.weigh({ ...NEVER, ...weights }), parts);
}

const NEVER: Readonly<Record<Verb, number>> = {
  ...{ capture: 0, pause: 0, resume: 0, start: 0, stop: 0, 'ask to stop': 0, reboot: 0, suspend: 0 },
  ...{ shelve: 0, 'shelve with memory': 0, 'shelve in place': 0, unshelve: 0 },
};

/** A capture at a level that the seed chooses. */
export function makeCapture({ client, instanceId, random, name }: DeedParts): GuestDeed {
  const body = { instance: instanceId, name, consistency: random.pick(['auto', 'paused', 'crash'] as const) };
  return { leadsTo: null, imageName: name, submit: (options) => client.images.create(body, options) };
}

const SHUTDOWN_MS = 1_000;

function makeDeed(verb: Verb, parts: DeedParts): GuestDeed {
  const { instances } = parts.client;
  const id = parts.instanceId;
  const leadsTo = (state: InstanceState | null, submit: GuestDeed['submit']): GuestDeed => {
    return { leadsTo: state, imageName: null, submit };
  };
  const shelve = { shutdownTimeoutMs: SHUTDOWN_MS };
  switch (verb) {
    case 'capture':
      return makeCapture(parts);
    case 'pause':
      return leadsTo('paused', (options) => instances.power(id, 'pause', options));
    case 'resume':
      return leadsTo('active', (options) => instances.power(id, 'resume', options));
    case 'start':
      return leadsTo('active', (options) => instances.power(id, 'start', options));
    case 'suspend':
      return leadsTo('suspended', (options) => instances.power(id, 'suspend', options));
    case 'stop':
      return leadsTo('stopped', (options) => instances.stop(id, 'stop', { ...options, isForced: true }));
    case 'ask to stop':
      // a boot sector does not listen
      return leadsTo('stopped', (options) => instances.stop(id, 'stop', { ...options, timeoutMs: SHUTDOWN_MS }));
    case 'reboot':
      return leadsTo('active', (options) => instances.stop(id, 'reboot', { ...options, isForced: true }));
    case 'shelve':
      return leadsTo('shelved_offloaded', (options) => instances.shelve(id, shelve, options));
    case 'shelve with memory':
      return leadsTo('shelved_offloaded', (options) => instances.shelve(id, { ...shelve, keepsMemory: true }, options));
    case 'shelve in place':
      return leadsTo('shelved', (options) => instances.shelve(id, { ...shelve, isOffloaded: false }, options));
    case 'unshelve':
      return leadsTo(parts.shelvedFrom, (options) => instances.unshelve(id, {}, options));
    default:
      return verb satisfies never;
  }
}
