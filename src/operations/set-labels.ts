import { newUuid } from '../lib/uuid.ts';
import { describeDomain } from '../model/domain-xml/describe-domain.ts';
import { writeLabels } from '../model/domain-xml/labels.ts';
import { parseXml, rootElement, serializeXml } from '../model/domain-xml/xml.ts';
import { DarkroomError, hasCode } from '../model/errors.ts';
import type { Instance } from '../model/instance.ts';
import { type Labels, mergeLabels } from '../model/labels.ts';
import type { DomainInfo } from '../model/ports/hypervisor.ts';
import { showInstance } from './list-instances.ts';
import { findInstance } from './steps/find-instance.ts';
import type { Core } from './support/context.ts';
import { acquireLocks } from './support/operation-locks.ts';

/** Changes labels of an instance, whether it runs or not. One with an empty value is taken away. */
export async function setLabels(core: Core, reference: string, changes: Labels): Promise<Instance> {
  mergeLabels({}, changes);
  const { uuid } = await findInstance(core, reference);
  const operationId = newUuid();
  await acquireLocks(core, { exclusive: [`instance:${uuid}`], shared: [] }, { operationId, kind: 'instance.set' });
  try {
    // what was found before the lock may have been shelved since
    await relabel(core, await findInstance(core, uuid), changes);
  } finally {
    await core.locks.release(operationId);
  }
  return await showInstance(core, uuid);
}

async function relabel(core: Core, domain: DomainInfo, changes: Labels): Promise<void> {
  const { uuid } = domain;
  const labels = mergeLabels(describeDomain(await core.hypervisor.getDomainXml(uuid)).labels, changes);
  if (domain.hasManagedSave) await relabelSaved(core, domain, labels);
  await core.hypervisor.setLabels(uuid, labels);
}

/** The machine that is saved comes back with the metadata that was saved with it. */
async function relabelSaved({ hypervisor }: Core, { uuid, name }: DomainInfo, labels: Labels): Promise<void> {
  const document = parseXml(await hypervisor.getManagedSaveXml(uuid));
  writeLabels(rootElement(document), labels);
  try {
    await hypervisor.defineManagedSaveXml(uuid, serializeXml(document));
  } catch (cause) {
    if (!hasCode(cause, 'LIBVIRT_FAILED')) throw cause;
    // libvirt leaves little room for it in the file
    const message =
      `The labels of ${name} cannot be noted beside its saved memory: ${cause.message}. ` +
      `Resume it (darkroom instance resume ${name}) and set them then.`;
    throw new DarkroomError('INSTANCE_STATE', message, { fields: { instanceId: uuid, state: 'suspended' }, cause });
  }
}
