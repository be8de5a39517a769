import type { ImportSnapshotRequest } from '../model/requests.ts';
import type { Recover, UseCase } from './support/use-case.ts';

export const importSnapshot: UseCase<ImportSnapshotRequest, null> = {
  prepare: async () => {
    throw new Error('not there yet');
  },
  run: async () => ({}),
};

export const recoverImportSnapshot: Recover = async () => [];
