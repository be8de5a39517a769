import { type DarkroomError, hasCode } from '../../../model/errors.ts';

/** An object that is not what was stored becomes what the port says of that; see Bucket.download. */
export async function translateDamage<Result>(
  toDamage: (reason: string) => DarkroomError,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (hasCode(error, 'STORE_UNUSABLE') && error.fields['part'] !== undefined) throw toDamage(error.message);
    throw error;
  }
}
