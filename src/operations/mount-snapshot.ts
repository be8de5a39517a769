import type { MountSnapshotRequest } from '../model/requests.ts';
import type { Recover, UseCase } from './support/use-case.ts';

export const mountSnapshot: UseCase<MountSnapshotRequest, null> = {
  prepare: async () => {
    throw new Error('not there yet');
  },
  run: async () => ({}),
};

export const recoverMountSnapshot: Recover = async () => [];
