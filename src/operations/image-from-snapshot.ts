import type { ImageFromSnapshotRequest } from '../model/requests.ts';
import type { Recover, UseCase } from './support/use-case.ts';

export const imageFromSnapshot: UseCase<ImageFromSnapshotRequest, null> = {
  prepare: async () => {
    throw new Error('not there yet');
  },
  run: async () => ({}),
};

export const recoverImageFromSnapshot: Recover = async () => [];
