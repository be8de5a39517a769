import { DarkroomError } from '../../model/errors.ts';

export function listenFailed(address: string, error: unknown): DarkroomError {
  const seen = error instanceof Error ? error.message : String(error);
  return new DarkroomError('LISTEN_FAILED', `The agent cannot listen at ${address}: ${seen}.`, {
    fields: { address },
    cause: error,
  });
}

export function errnoOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
