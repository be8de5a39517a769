import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Image } from '../../src/model/image.ts';
import { assertClean, recordGuest } from './support/assert-clean.ts';
import { parseImage, readFileInImage } from './support/images.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { useSharedGuest } from './support/shared-guest.ts';

describe('image create of a running guest', () => {
  const guest = useSharedGuest({
    disks: [
      { target: 'vda', format: 'qcow2', backing: true },
      { target: 'vdb', format: 'raw', sizeMiB: 64 },
    ],
  });
  let darkroom: DarkroomHost;

  beforeAll(async () => {
    darkroom = await createDarkroomHost();
  });
  afterAll(async () => {
    await darkroom[Symbol.asyncDispose]();
  });

  it('row 21: freezes the file systems before the point in time and thaws them after', async () => {
    const before = await recordGuest(guest());
    await guest().writeFile('/stamp', 'written before the capture\n');
    const image = await create(['--name', 'quiesced one']);
    expect(image).toMatchObject({
      name: 'quiesced one',
      status: 'active',
      consistency: { achieved: 'quiesced', pauseMs: 0 },
    });
    expect(image.consistency?.freezeMs).toBeGreaterThan(0);
    expect(await readFileInImage(darkroom.store, image, { path: '/stamp' })).toBe('written before the capture\n');
    await assertClean(before, darkroom);
  });

  async function create(args: readonly string[]): Promise<Image> {
    return parseImage(await darkroom.json(['image', 'create', guest().name, ...args]));
  }
});
