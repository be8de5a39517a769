import { describe, expect, test } from 'vitest';
import { agentTrouble } from '../../../../src/drivers/libvirt/agent-errors.ts';
import { LibvirtError } from '../../../../src/drivers/libvirt/binding/libvirt-error.ts';

const refusal = (reason: string): string =>
  `internal error: unable to execute QEMU agent command 'guest-get-time': ${reason}`;

describe('agentTrouble', () => {
  test.each([
    ['no channel in the XML', 74, 'QEMU guest agent is not configured', false, 'absent'],
    ['a domain that does not run', 55, 'Requested operation is not valid: domain is not running', false, 'absent'],
    ['a driver without agents', 3, 'this function is not supported by the connection driver', false, 'absent'],
    ['a channel that nothing has opened', 86, 'QEMU guest agent is not connected', false, 'absent'],
    ['a connected agent that does not answer', 86, 'Guest agent is not responding', true, 'hung'],
    ['a command that timed out', 112, 'guest agent timed out', true, 'hung'],
    ['another call that holds the agent', 68, 'cannot acquire state change lock', false, 'hung'],
    ['QEMU 7', 1, refusal('Command guest-get-time has been disabled: the agent is in frozen state'), true, 'frozen'],
    ['QEMU 4', 1, refusal('The command guest-get-time has been disabled for this instance'), true, 'frozen'],
    [
      'a command its owner forbids',
      1,
      refusal('Command guest-get-time has been disabled: the command is not allowed'),
      true,
      'refused',
    ],
    [
      'a freeze that failed in the guest',
      1,
      refusal('failed to freeze /mnt: Device or resource busy'),
      true,
      'refused',
    ],
  ] as const)('reads %s', (_title, code, message, isConnected, trouble) => {
    const error = new LibvirtError({ call: 'virDomainGetTime', code, domain: 10, level: 2, message });

    expect(agentTrouble(error, { isConnected })).toBe(trouble);
  });
});
