import type { DoctorCheck } from '../../model/doctor.ts';
import { toDarkroomError } from '../../model/errors.ts';

export function okCheck(id: string, message: string): DoctorCheck {
  return { id, status: 'ok', message, remedy: null, isRepaired: false };
}

export function repairedCheck(id: string, message: string): DoctorCheck {
  return { id, status: 'ok', message, remedy: null, isRepaired: true };
}

export function badCheck(
  id: string,
  status: 'warning' | 'error',
  told: { message: string; remedy: string },
): DoctorCheck {
  return { id, status, ...told, isRepaired: false };
}

export function failedCheck(id: string, error: unknown): DoctorCheck {
  const { message, code } = toDarkroomError(error);
  return badCheck(id, 'error', {
    message: `could not be checked: ${message} (${code})`,
    remedy: code === 'LIBVIRT_UNREACHABLE' ? 'Start libvirtd: systemctl start libvirtd' : 'See the message.',
  });
}
