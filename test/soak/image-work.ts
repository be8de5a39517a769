import { hasCode } from '../../src/model/errors.ts';
import type { Instance } from '../../src/model/instance.ts';
import { waitUntil } from '../e2e/support/wait-until.ts';
import type { Exhibit } from './gallery.ts';
import { note, type Shift } from './guest-work.ts';
import { type Ending, insist, seeThrough, type Task } from './see-through.ts';
import { readCounter } from './soak-guest.ts';

const BOOT_MS = 120_000;
const VERBS = { verify: 3, delete: 5, launch: 4 } as const;

/** Does something with one of the images; nothing where there is none yet. */
export async function workOnImage(shift: Shift): Promise<void> {
  const { random, gallery } = shift;
  const imageId = gallery.pick(random);
  if (imageId === null) return;
  const verb = random.weigh(VERBS);
  if (verb === 'verify') return await verifyImage(shift, imageId);
  if (verb === 'delete') return await deleteImage(shift, imageId);
  await launchAndDelete(shift, imageId);
}

/** Reads and hashes its files. */
export async function verifyImage(shift: Shift, imageId: string): Promise<void> {
  const { images } = shift.world.agent.client;
  await see(shift, `image ${imageId}`, {
    kind: 'image.verify',
    submit: (options) => images.verify(imageId, {}, options),
  });
}

async function deleteImage(shift: Shift, imageId: string): Promise<void> {
  const { images } = shift.world.agent.client;
  const submit: Task['submit'] = (options) => images.delete(imageId, options);
  const ending = await see(shift, `image ${imageId}`, { kind: 'image.delete', submit });
  if (ending.kind === 'ended') shift.gallery.remove(imageId, ending.operation.status === 'succeeded');
}

/** An instance from an image, that counts on from where the image was made, and goes again. */
export async function launchAndDelete(shift: Shift, imageId: string): Promise<void> {
  const { instances } = shift.world.agent.client;
  const exhibit = shift.gallery.find(imageId);
  const name = `${shift.world.run}-${shift.newName()}`;
  const what = `${name} from image ${imageId}`;
  const submit: Task['submit'] = (options) => instances.launch({ name, image: imageId }, options);
  const ending = await see(shift, what, { kind: 'instance.launch', submit });
  const isThere = ending.kind === 'ended' && ending.operation.status === 'succeeded';
  if (isThere && exhibit !== null) await watchItCount(shift, name, exhibit);
  if (isThere) await deleteInstance(shift, name);
}

async function watchItCount({ world, ledger }: Shift, name: string, { least }: Exhibit): Promise<void> {
  try {
    const { disks } = await insist(() => world.agent.client.instances.show(name));
    const [disk] = disks;
    if (disk?.path === null || disk?.path === undefined) throw new Error(`${name} has no disk`);
    const place = { path: disk.path, format: disk.format === 'raw' ? 'raw' : 'qcow2' } as const;
    const isCounting = async (): Promise<boolean> => (await readCounter(place)) > least;
    await waitUntil(`${name} counts on from ${least}`, isCounting, { timeoutMs: BOOT_MS, intervalMs: 500 });
  } catch (error) {
    ledger.accuse(String(error));
  }
}

/** Tries until it is gone: who watches has nothing else that could want it. */
export async function deleteInstance(shift: Shift, name: string): Promise<void> {
  const { instances } = shift.world.agent.client;
  const isGone = async (): Promise<boolean> => {
    const submit: Task['submit'] = (options) => instances.delete(name, { ...options, isForced: false });
    await see(shift, name, { kind: 'instance.delete', submit });
    return (await showIfThere(shift, name)) === null;
  };
  await waitUntil(`${name} is deleted`, isGone, { timeoutMs: BOOT_MS, intervalMs: 500 });
}

async function showIfThere({ world }: Shift, name: string): Promise<Instance | null> {
  try {
    return await insist(() => world.agent.client.instances.show(name));
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return null;
    throw error;
  }
}

interface Ask {
  readonly kind: string;
  readonly submit: Task['submit'];
}

async function see(shift: Shift, what: string, { kind, submit }: Ask): Promise<Ending> {
  const task = { submit, idempotencyKey: shift.newName(), cancelAfterMs: null };
  const ending = await seeThrough(shift.world.agent.client, task);
  note(shift.ledger, { ending, what, kind });
  return ending;
}
