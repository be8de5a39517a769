import { DarkroomError } from '../model/errors.ts';
import type { CopyImageRequest } from '../model/store-requests.ts';
import type { Recover, UseCase } from './support/use-case.ts';

export const copyImage: UseCase<CopyImageRequest, Record<string, never>> = {
  prepare: async () => {
    throw new DarkroomError('INTERNAL', 'to come');
  },
  run: async () => ({}),
};

export const recoverCopyImage: Recover = async () => [];
