import { mapConcurrently } from '../../lib/async.ts';
import type { DoctorCheck } from '../../model/doctor.ts';
import type { AgentState, DomainInfo } from '../../model/ports/hypervisor.ts';
import type { Core } from '../support/context.ts';
import { badCheck, okCheck } from './doctor-check.ts';

/** Which running guests can be quiesced. */
export async function checkGuests(core: Core): Promise<DoctorCheck[]> {
  const running = (await core.hypervisor.listDomains()).filter(({ powerState }) => powerState === 'running');
  const timeoutMs = core.settings.agentProbeTimeoutMs;
  return mapConcurrently(running, 4, async (domain) =>
    describeAgent(domain, await core.hypervisor.probeAgent(domain.uuid, { timeoutMs })),
  );
}

function describeAgent(domain: DomainInfo, agent: AgentState): DoctorCheck {
  const id = 'guest.agent';
  switch (agent) {
    case 'answering':
      return okCheck(id, `${domain.name}: the guest agent answers`);
    case 'absent':
      return badCheck(id, 'warning', {
        message: `${domain.name}: no guest agent; captures pause the guest instead of quiescing it`,
        remedy: 'Add the channel org.qemu.guest_agent.0 and run qemu-guest-agent in the guest.',
      });
    case 'hung':
      return badCheck(id, 'warning', {
        message: `${domain.name}: the guest agent does not answer`,
        remedy: 'Restart qemu-guest-agent in the guest.',
      });
    case 'frozen':
      return badCheck(id, 'error', {
        message: `${domain.name}: its file systems are frozen`,
        remedy: `Find out who froze them; then: virsh domfsthaw ${domain.name}`,
      });
    default: {
      const never: never = agent;
      return never;
    }
  }
}
