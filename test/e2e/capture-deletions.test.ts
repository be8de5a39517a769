import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { assertClean, listDrafts, recordGuest } from './support/assert-clean.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { useSharedGuest } from './support/shared-guest.ts';
import { waitUntil } from './support/wait-until.ts';

describe('an image that is deleted while it is made', () => {
  const guest = useSharedGuest();

  it('row 17: leaves the guest idle and running, and no file', async () => {
    await using darkroom = await createDarkroomHost({ env: { DARKROOM_COPY_BANDWIDTH: '2MiB' } });
    const before = await recordGuest(guest());
    const create = darkroom.start(['image', 'create', guest().name, '--name', 'doomed', '--json']);
    await waitUntil('the copy runs', async () => (await listFilesOfDraft(darkroom)).length > 0, {
      timeoutMs: 20_000,
    });
    const [draft = ''] = await listDrafts(darkroom.store);
    // nobody can name an image that has no manifest yet: it can only be taken away from under the copy
    expect((await darkroom.run(['image', 'delete', draft])).exitCode).toBe(3);
    await rm(path.join(darkroom.store, 'images', draft), { recursive: true });

    expect((await create.ended).exitCode).toBe(6);
    expect(await darkroom.json(['image', 'list'])).toEqual([]);
    expect(await darkroom.json(['instance', 'show', guest().name])).toMatchObject({ state: 'active', taskState: null });
    await assertClean(before, darkroom);
  });
});

async function listFilesOfDraft(darkroom: DarkroomHost): Promise<readonly string[]> {
  const [draft] = await listDrafts(darkroom.store);
  return draft === undefined ? [] : readdir(path.join(darkroom.store, 'images', draft));
}
