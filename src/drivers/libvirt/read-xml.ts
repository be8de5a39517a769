import { parseXml, rootElement, selectElement, selectElements } from '../../model/domain-xml/xml.ts';

/** True when the capabilities name KVM. https://libvirt.org/formatcaps.html */
export function namesKvm(capabilitiesXml: string): boolean {
  return selectElement('./guest/arch/domain[@type="kvm"]', rootElement(parseXml(capabilitiesXml))) !== null;
}

export interface Mirror {
  readonly isReady: boolean;
}

/**
 * The mirror of a disk, null where it has none; ready is one that is in step. libvirt sets `<mirror ready='yes'>` at QEMU's BLOCK_JOB_READY, and pivots
 * under exactly that condition; the job's cursors are equal earlier (both 0 at the start) and later differ for
 * moments under load, so they prove nothing. https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms
 */
export function readMirror(domainXml: string, target: string): Mirror | null {
  const disks = selectElements('./devices/disk[mirror]', rootElement(parseXml(domainXml)));
  const disk = disks.find((candidate) => selectElement('./target', candidate)?.getAttribute('dev') === target);
  return disk === undefined ? null : { isReady: selectElement('./mirror[@ready="yes"]', disk) !== null };
}

/** True when something in the running guest has opened the guest agent's channel. https://libvirt.org/formatdomain.html#channel */
export function isAgentConnected(domainXml: string): boolean {
  const path = './devices/channel/target[@name="org.qemu.guest_agent.0" and @state="connected"]';
  return selectElement(path, rootElement(parseXml(domainXml))) !== null;
}

/** What of `undefine`'s choices concerns this domain. https://libvirt.org/formatdomain.html#bios-bootloader */
export function readKeepsakes(domainXml: string): { readonly hasNvram: boolean; readonly hasTpm: boolean } {
  const root = rootElement(parseXml(domainXml));
  const isUefi = selectElement('./os[@firmware="efi"]', root) !== null || selectElement('./os/nvram', root) !== null;
  return { hasNvram: isUefi, hasTpm: selectElement('./devices/tpm', root) !== null };
}
