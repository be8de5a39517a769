import type { CreateVolumeRequest } from '../model/requests.ts';
import type { Recover, UseCase } from './support/use-case.ts';

export const createVolume: UseCase<CreateVolumeRequest, null> = {
  prepare: async () => {
    throw new Error('not there yet');
  },
  run: async () => ({}),
};

export const recoverCreateVolume: Recover = async () => [];
