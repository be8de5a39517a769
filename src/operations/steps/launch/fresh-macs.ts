import { randomBytes } from 'node:crypto';
import { describeDomain } from '../../../model/domain-xml/describe-domain.ts';
import { hasCode } from '../../../model/errors.ts';
import type { Core } from '../../support/context.ts';

/** QEMU's own range, locally administered, as libvirt uses it. */
const PREFIX = '52:54:00';

/** MAC addresses that no domain of this host has. */
export async function drawMacs(core: Core, count: number): Promise<string[]> {
  if (count === 0) return [];
  const taken = await listMacs(core);
  const drawn: string[] = [];
  while (drawn.length < count) {
    const mac = randomMac();
    if (taken.has(mac)) continue;
    taken.add(mac);
    drawn.push(mac);
  }
  return drawn;
}

function randomMac(): string {
  return [PREFIX, ...[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

async function listMacs(core: Core): Promise<Set<string>> {
  const macs = new Set<string>();
  for (const { uuid } of await core.hypervisor.listDomains()) {
    for (const { mac } of await interfacesOf(core, uuid)) if (mac !== null) macs.add(mac);
  }
  return macs;
}

async function interfacesOf(core: Core, uuid: string): Promise<readonly { readonly mac: string | null }[]> {
  try {
    return describeDomain(await core.hypervisor.getDomainXml(uuid, { isInactive: true })).interfaces;
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return [];
    throw error;
  }
}
