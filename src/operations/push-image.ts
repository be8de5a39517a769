import { DarkroomError } from '../model/errors.ts';
import type { PushImageRequest } from '../model/store-requests.ts';
import type { Recover, UseCase } from './support/use-case.ts';

export const pushImage: UseCase<PushImageRequest, Record<string, never>> = {
  prepare: async () => {
    throw new DarkroomError('INTERNAL', 'to come');
  },
  run: async () => ({}),
};

export const recoverPushImage: Recover = async () => [];
