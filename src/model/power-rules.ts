import { DarkroomError } from './errors.ts';
import type { PowerState } from './instance.ts';

export const POWER_ACTIONS = [
  'start',
  'stop',
  'stop by force',
  'reboot',
  'reboot by force',
  'pause',
  'resume',
  'suspend',
] as const;
export type PowerAction = (typeof POWER_ACTIONS)[number];

/** From which states an action makes sense; in all others it is a conflict, also where it would change nothing. */
const ALLOWED: Readonly<Record<PowerAction, readonly PowerState[]>> = {
  start: ['shutdown', 'suspended'],
  stop: ['running'],
  'stop by force': ['running', 'paused', 'crashed'],
  reboot: ['running'],
  'reboot by force': ['running', 'paused', 'crashed'],
  pause: ['running'],
  resume: ['paused', 'suspended'],
  suspend: ['running', 'paused'],
};

/** Where an action would lead, so that there is nothing to advise. */
const GOAL: Readonly<Partial<Record<PowerAction, PowerState>>> = {
  start: 'running',
  stop: 'shutdown',
  'stop by force': 'shutdown',
  pause: 'paused',
  resume: 'running',
  suspend: 'suspended',
};

/** What one would rather do in that state. */
const HINTS: Readonly<Partial<Record<PowerState, string>>> = {
  paused: 'resume it first, or use --force to stop or reboot it as it is',
  shutdown: 'it is off: start it first',
  suspended: 'its memory is saved: start it first',
  crashed: 'stop it with --force first',
};

/** INSTANCE_STATE unless the action makes sense in that state. */
export function requirePowerState(
  action: PowerAction,
  instance: { readonly uuid: string; readonly name: string; readonly powerState: PowerState },
): void {
  const { uuid, name, powerState } = instance;
  if (ALLOWED[action].includes(powerState)) return;
  throw new DarkroomError('INSTANCE_STATE', `Cannot ${action} the instance ${name}: ${complain(action, powerState)}.`, {
    fields: { instanceId: uuid, powerState, action },
  });
}

function complain(action: PowerAction, powerState: PowerState): string {
  if (GOAL[action] === powerState) return `it is ${powerState} already`;
  const hint = HINTS[powerState];
  return `it is ${powerState}, not ${ALLOWED[action].join(' or ')}${hint === undefined ? '' : `; ${hint}`}`;
}
