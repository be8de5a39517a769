import { readMountPoints } from '../../../model/mount-points.ts';
import type { Core } from '../../support/context.ts';

const MOUNTS = '/proc/self/mountinfo';
const MAX_MOUNTS_BYTES = 16 * 1024 ** 2;

/** A file system that is mounted twice has one number, and gives no links from one mount to the other. */
export async function isOnSameMount(core: Core, left: string, right: string): Promise<boolean> {
  const points = readMountPoints(await core.files.readText(MOUNTS, { maxBytes: MAX_MOUNTS_BYTES }));
  const [one, other] = [await realPathOf(core, left), await realPathOf(core, right)];
  return mountOf(points, one) === mountOf(points, other);
}

async function realPathOf(core: Core, file: string): Promise<string> {
  await using held = await core.files.hold(file);
  return held?.realPath ?? file;
}

function mountOf(points: readonly string[], file: string): string {
  const above = points.filter((point) => point === '/' || file === point || file.startsWith(`${point}/`));
  return above.reduce((longest, point) => (point.length > longest.length ? point : longest), '');
}
