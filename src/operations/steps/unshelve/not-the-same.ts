import { DarkroomError } from '../../../model/errors.ts';
import type { ShelvedDisk } from '../../../model/shelved-instance.ts';
import type { Placed } from './place-machine.ts';

/** COPY_FAILED, of a disk that was written and read again. */
export function notTheSame({ what: { target }, path }: Placed<ShelvedDisk>): DarkroomError {
  return new DarkroomError('COPY_FAILED', `The copy of disk ${target} at ${path} is not what the image holds.`, {
    fields: { target, path },
  });
}
