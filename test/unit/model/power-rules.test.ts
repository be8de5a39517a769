import { describe, expect, it } from 'vitest';
import { POWER_STATES, type PowerState } from '../../../src/model/instance.ts';
import { POWER_ACTIONS, type PowerAction, requirePowerState } from '../../../src/model/power-rules.ts';

const MAY: Readonly<Record<PowerState, readonly PowerAction[]>> = {
  running: ['stop', 'stop by force', 'reboot', 'reboot by force', 'pause', 'suspend'],
  paused: ['stop by force', 'reboot by force', 'resume', 'suspend'],
  shutdown: ['start'],
  suspended: ['start', 'resume'],
  crashed: ['stop by force', 'reboot by force'],
  nostate: [],
};

const rows = POWER_STATES.flatMap((powerState) =>
  POWER_ACTIONS.map((action) => ({ powerState, action, isAllowed: MAY[powerState].includes(action) })),
);

describe('requirePowerState', () => {
  it.each(rows)('$action while $powerState: allowed is $isAllowed', ({ powerState, action, isAllowed }) => {
    const attempt = (): void => requirePowerState(action, { uuid: 'id', name: 'web-1', powerState });
    if (isAllowed) attempt();
    else
      expect(attempt).toThrow(
        expect.objectContaining({ code: 'INSTANCE_STATE', fields: { instanceId: 'id', powerState, action } }),
      );
  });

  it.each([
    ['stop', 'shutdown', 'Cannot stop the instance web-1: it is shutdown already.'],
    ['pause', 'paused', 'Cannot pause the instance web-1: it is paused already.'],
    ['start', 'running', 'Cannot start the instance web-1: it is running already.'],
    ['pause', 'shutdown', 'Cannot pause the instance web-1: it is shutdown, not running; it is off: start it first.'],
  ] as const)('%s while %s advises nothing that leads away', (action, powerState, message) => {
    expect(() => requirePowerState(action, { uuid: 'id', name: 'web-1', powerState })).toThrow(
      expect.objectContaining({ message }),
    );
  });
});
