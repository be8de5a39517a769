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
});
