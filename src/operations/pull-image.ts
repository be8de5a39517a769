import { DarkroomError } from '../model/errors.ts';
import type { PullImageRequest } from '../model/store-requests.ts';
import type { Recover, UseCase } from './support/use-case.ts';

export const pullImage: UseCase<PullImageRequest, Record<string, never>> = {
  prepare: async () => {
    throw new DarkroomError('INTERNAL', 'to come');
  },
  run: async () => ({}),
};

export const recoverPullImage: Recover = async () => [];
