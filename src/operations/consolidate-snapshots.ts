import type { ConsolidateSnapshotsRequest } from '../model/requests.ts';
import type { Recover, UseCase } from './support/use-case.ts';

export const consolidateSnapshots: UseCase<ConsolidateSnapshotsRequest, null> = {
  prepare: async () => {
    throw new Error('not there yet');
  },
  run: async () => ({}),
};

export const recoverConsolidateSnapshots: Recover = async () => [];
