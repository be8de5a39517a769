import type { DoctorCheck } from '../../model/doctor.ts';
import { toDarkroomError } from '../../model/errors.ts';
import type { Core } from '../support/context.ts';
import { badCheck, okCheck } from './doctor-check.ts';

export async function checkTools(core: Core): Promise<DoctorCheck[]> {
  return [okCheck('tool.qemu-img', `qemu-img ${await core.diskTool.version()}`), await checkGeneralizer(core)];
}

async function checkGeneralizer(core: Core): Promise<DoctorCheck> {
  try {
    await core.generalizer.assertAvailable();
    return okCheck('tool.virt-sysprep', 'virt-sysprep is there, for image create --generalize');
  } catch (error) {
    return badCheck('tool.virt-sysprep', 'warning', {
      message: `image create --generalize will not work: ${toDarkroomError(error).message}`,
      remedy: 'apt-get install libguestfs-tools',
    });
  }
}
