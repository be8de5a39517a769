import type { VerifySnapshotRequest } from '../model/requests.ts';
import type { UseCase } from './support/use-case.ts';

export const verifySnapshot: UseCase<VerifySnapshotRequest, null> = {
  prepare: async () => {
    throw new Error('not there yet');
  },
  run: async () => ({}),
};
