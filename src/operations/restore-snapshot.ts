import type { RestoreSnapshotRequest } from '../model/requests.ts';
import type { Recover, UseCase } from './support/use-case.ts';

export const restoreSnapshot: UseCase<RestoreSnapshotRequest, null> = {
  prepare: async () => {
    throw new Error('not there yet');
  },
  run: async () => ({}),
};

export const recoverRestoreSnapshot: Recover = async () => [];
