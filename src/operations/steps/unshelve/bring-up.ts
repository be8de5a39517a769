import { relocateDomain } from '../../../model/domain-xml/relocate-domain.ts';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import { MEMORY_XML_FILE } from '../../../model/shelved-instance.ts';
import type { OperationContext } from '../../support/context.ts';
import type { UnshelvePlan } from '../../unshelve-plan.ts';
import { type Return, readText, requireConsistent } from './require-unshelvable.ts';

export interface BringUp {
  readonly plan: UnshelvePlan;
  readonly coming: Return;
  /** Without its saved memory. */
  readonly isCold: boolean;
}

/** The machine is defined as it was, and started as far as it can be without running: nothing has been written to its disks. */
export async function bringUp(context: OperationContext, work: BringUp): Promise<void> {
  const { plan, coming } = work;
  const { record } = coming;
  plan.mayBeDefined = true;
  await context.operation.enter('define', plan);
  await context.hypervisor.defineDomain(coming.xml);
  for (const { file } of record.checkpoints) {
    await context.hypervisor.redefineCheckpoint(record.id, await readText(context, coming.image, file));
  }
  await bringReservations(context, coming);
  await context.operation.enter('start', plan);
  if (record.memory !== null && !work.isCold) await takeUpMemory(context, work);
  else await startPaused(context, plan);
}

/** What the network's server was told by hand; on the host that it left it still knows. */
async function bringReservations(context: OperationContext, { record, placement }: Return): Promise<void> {
  if (record.reservations.length === 0) return;
  const known = await context.hypervisor.listReservations();
  for (const reservation of record.reservations) {
    const network = placement.relocation.networks.get(reservation.network) ?? reservation.network;
    if (known.some((other) => other.network === network && other.mac === reservation.mac)) continue;
    try {
      await context.hypervisor.addReservation({ ...reservation, network });
    } catch (error) {
      if (!hasCode(error, 'LIBVIRT_FAILED')) throw error;
      context.operation.warn(
        `The address ${reservation.address} could not be reserved in the network ${network}: ${error.message}`,
      );
    }
  }
}

async function takeUpMemory(context: OperationContext, { plan, coming }: BringUp): Promise<void> {
  const { record, image, placement } = coming;
  if (record.memory === null) return;
  const file = await context.store.resolveFile(image.id, record.memory.file);
  const shelvedXml = await readText(context, image, MEMORY_XML_FILE);
  requireConsistent(record, shelvedXml);
  const xml = relocateDomain(shelvedXml, placement.relocation);
  try {
    await context.hypervisor.restoreDomain(file, { xml, isPaused: true });
  } catch (error) {
    if (!hasCode(error, 'LIBVIRT_FAILED')) throw error;
    throw new DarkroomError(
      'LIBVIRT_FAILED',
      `The memory of ${record.name} cannot go on here: ${error.message}. It is still shelved. On another host it may; or start it ` +
        `cold, without its memory: darkroom instance unshelve ${record.name} --cold`,
      { fields: error.fields, cause: error },
    );
  }
  if (plan.wanted === 'running' || plan.wanted === 'paused') return;
  // it was restored paused; when somebody starts it, it shall go on
  await context.hypervisor.managedSaveDomain(record.id, { isRunning: record.powerState !== 'paused' });
}

async function startPaused(context: OperationContext, { wanted, instanceId }: UnshelvePlan): Promise<void> {
  if (wanted === 'running' || wanted === 'paused') await context.hypervisor.startDomain(instanceId, { isPaused: true });
  if (wanted === 'suspended')
    context.operation.warn('It was suspended and comes back off: its memory is not taken up again.');
}
