import type { DoctorCheck } from '../../model/doctor.ts';
import type { Core } from '../support/context.ts';
import { badCheck, okCheck } from './doctor-check.ts';

/** Checkpoints and agent time-outs per domain need it. */
const OLDEST_LIBVIRT = [7, 0, 0] as const;

export async function checkLibvirt(core: Core): Promise<DoctorCheck[]> {
  const { driver, libvirt, hypervisor } = await core.hypervisor.versions();
  const reachable = okCheck('libvirt.reachable', `${core.hypervisor.uri} answers (driver ${driver})`);
  return [
    reachable,
    checkVersion(libvirt),
    okCheck('hypervisor.version', `${driver} ${hypervisor}`),
    await checkKvm(core),
  ];
}

function checkVersion(libvirt: string): DoctorCheck {
  if (isAtLeast(libvirt, OLDEST_LIBVIRT)) return okCheck('libvirt.version', `libvirt ${libvirt}`);
  return badCheck('libvirt.version', 'warning', {
    message: `libvirt ${libvirt} is older than what Darkroom is tried on`,
    remedy: `Upgrade to libvirt ${OLDEST_LIBVIRT.join('.')} or newer.`,
  });
}

function isAtLeast(version: string, oldest: readonly number[]): boolean {
  const parts = version.split('.').map(Number);
  const different = oldest.findIndex((part, index) => part !== (parts[index] ?? 0));
  return different === -1 || (parts[different] ?? 0) > (oldest[different] ?? 0);
}

/** That the device exists says nothing: some hosts offer it and hang their guests. */
async function checkKvm(core: Core): Promise<DoctorCheck> {
  if (await core.hypervisor.offersKvm()) {
    return okCheck(
      'kvm.offered',
      'libvirt offers KVM; whether ordinary guests run under it is seen by image verify --boot',
    );
  }
  const isWanted = core.settings.launch.virtType === 'kvm';
  return badCheck('kvm.offered', 'warning', {
    message: 'libvirt offers no KVM: guests run under emulation, many times slower',
    remedy: isWanted
      ? 'Enable virtualisation in the firmware and load kvm_intel or kvm_amd, or set launch.virt_type: qemu.'
      : 'Enable virtualisation in the firmware and load kvm_intel or kvm_amd.',
  });
}
