import type { CreateSnapshotRequest } from '../model/requests.ts';
import type { Recover, UseCase } from './support/use-case.ts';

export const createSnapshot: UseCase<CreateSnapshotRequest, null> = {
  prepare: async () => {
    throw new Error('not there yet');
  },
  run: async () => ({}),
};

export const recoverCreateSnapshot: Recover = async () => [];
