import type { DeleteSnapshotRequest } from '../model/requests.ts';
import type { Recover, UseCase } from './support/use-case.ts';

export const deleteSnapshot: UseCase<DeleteSnapshotRequest, null> = {
  prepare: async () => {
    throw new Error('not there yet');
  },
  run: async () => ({}),
};

export const recoverDeleteSnapshot: Recover = async () => [];
