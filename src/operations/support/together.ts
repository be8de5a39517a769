/** All of them at once. The first that fails ends the others, which are waited for: it is that failure that is told. */
export async function together<Works extends readonly Promise<unknown>[] | readonly []>(
  signal: AbortSignal,
  begin: (hurry: AbortSignal) => Works,
): Promise<{ -readonly [Index in keyof Works]: Awaited<Works[Index]> }> {
  const giveUp = new AbortController();
  const failures: unknown[] = [];
  const works = begin(AbortSignal.any([signal, giveUp.signal]));
  for (const work of works) {
    work.catch((error: unknown) => {
      failures.push(error);
      giveUp.abort();
    });
  }
  await Promise.allSettled(works);
  if (failures.length > 0) throw failures[0];
  return await Promise.all(works);
}
