import type { Image } from '../../src/model/image.ts';
import { waitUntil } from '../e2e/support/wait-until.ts';
import { judgeContent } from './gallery.ts';
import type { Shift } from './guest-work.ts';
import { deleteInstance, launchAndDelete, verifyImage } from './image-work.ts';
import { judgeGuest, judgeHost } from './judge-host.ts';
import { restUntilIdle } from './shifts.ts';
import { followCounter, type Ward } from './ward.ts';

const COUNT_MS = 60_000;

/** Everything that is wrong once all has come to rest and every guest should run. */
export async function judgeAll(
  shift: Shift,
  { wards, bootedImages }: { readonly wards: readonly Ward[]; readonly bootedImages: number },
): Promise<readonly string[]> {
  const wrongs: string[] = [];
  await deleteLaunched(shift);
  const images = await shift.world.agent.client.images.list();
  wrongs.push(...shift.gallery.judge(images));
  for (const image of images) wrongs.push(...(await judgeImage(shift, image)));
  for (const { id } of images.slice(0, bootedImages)) await launchAndDelete(shift, id);
  await restUntilIdle(shift.world);
  for (const ward of wards) wrongs.push(...(await judgeGuest(ward)), ...(await judgeCounting(ward)));
  return [...wrongs, ...(await judgeHost(shift.world))];
}

/** Instances of launches that were not seen to their end by those who asked for them. */
async function deleteLaunched(shift: Shift): Promise<void> {
  const { world } = shift;
  const instances = await world.agent.client.instances.list();
  const own = new Set(world.guests.map(({ uuid }) => uuid));
  for (const { id, name } of instances) if (!own.has(id)) await deleteInstance(shift, name);
}

async function judgeImage(shift: Shift, image: Image): Promise<readonly string[]> {
  await verifyImage(shift, image.id);
  const exhibit = shift.gallery.find(image.id);
  if (exhibit === null) return [`nobody asked for the image ${image.id} (${image.name})`];
  const wrong = await judgeContent(shift.world.places.store, image, exhibit);
  return wrong === null ? [] : [wrong];
}

/** Its counter has never gone back, and goes on. */
async function judgeCounting(ward: Ward): Promise<readonly string[]> {
  const wrongs: string[] = [];
  const accuse = (what: string): void => void wrongs.push(what);
  const before = ward.counter;
  const isCounting = async (): Promise<boolean> => ((await followCounter(ward, accuse)) ?? 0) > before;
  try {
    await waitUntil(`${ward.guest.name} counts on from ${before}`, isCounting, {
      timeoutMs: COUNT_MS,
      intervalMs: 250,
    });
  } catch (error) {
    wrongs.push(String(error));
  }
  return wrongs;
}
