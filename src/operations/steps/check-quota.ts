import { type Account, accountOf } from '../../model/account.ts';
import { DarkroomError } from '../../model/errors.ts';
import { formatBytes } from '../../model/format-bytes.ts';
import type { Core } from '../support/context.ts';
import { type MaybeOperation, measureImages, measureSnapshots, type Use } from './measure-use.ts';

/**
 * QUOTA_EXCEEDED unless the caller, or whose account is given, may have one more image of `plannedBytes`. Called before there is a
 * draft of it.
 */
export async function checkQuota(core: Core, plannedBytes: number, account = accountOf(core.caller)): Promise<void> {
  const { maxImages, maxImageBytes } = core.settings.quota;
  if (maxImages === null && maxImageBytes === null) return;
  const used = await measureImages(core, account);
  refuse({ what: 'images', account, used, planned: { count: 1, bytes: plannedBytes } }, [maxImages, maxImageBytes]);
}

/** The same for bytes alone, when the true length of a draft is known. */
export async function checkByteQuota(core: Core, plannedBytes: number): Promise<void> {
  const { maxImageBytes } = core.settings.quota;
  if (maxImageBytes === null) return;
  const account = accountOf(core.caller);
  const used = await measureImages(core, account);
  refuse({ what: 'images', account, used, planned: { count: 0, bytes: plannedBytes } }, [null, maxImageBytes]);
}

/** QUOTA_EXCEEDED unless the caller may have as many more snapshots, of as many bytes. */
export async function checkSnapshotQuota(core: MaybeOperation, planned: Use): Promise<void> {
  const { maxSnapshots, maxSnapshotBytes } = core.settings.quota;
  if (maxSnapshots === null && maxSnapshotBytes === null) return;
  const account = accountOf(core.caller);
  const used = await measureSnapshots(core, account);
  refuse({ what: 'snapshots', account, used, planned }, [maxSnapshots, maxSnapshotBytes]);
}

interface Wish {
  readonly what: 'images' | 'snapshots';
  readonly account: Account;
  readonly used: Use;
  readonly planned: Use;
}

function refuse(wish: Wish, [maxCount, maxBytes]: readonly [count: number | null, bytes: number | null]): void {
  const { used, planned } = wish;
  if (maxCount !== null && used.count + planned.count > maxCount) throw tooMany(wish, maxCount);
  if (maxBytes !== null && used.bytes + planned.bytes > maxBytes) throw tooLarge(wish, maxBytes);
}

function tooMany({ what, account, used, planned }: Wish, max: number): DarkroomError {
  const [field, setting] = what === 'images' ? ['maxImages', 'max_images'] : ['maxSnapshots', 'max_snapshots'];
  const more = planned.count > 1 ? `, and ${planned.count} more are wanted` : '';
  return new DarkroomError(
    'QUOTA_EXCEEDED',
    `${nameOf(account)} has ${used.count} ${what} and may have ${max}${more}. Delete ${what}, or raise quota.${setting}.`,
    { fields: { owner: account.name, [what]: used.count, [field]: max } },
  );
}

function tooLarge({ what, account, used, planned }: Wish, max: number): DarkroomError {
  const isImages = what === 'images';
  const [field, setting] = isImages ? ['maxImageBytes', 'max_image_bytes'] : ['maxSnapshotBytes', 'max_snapshot_bytes'];
  return new DarkroomError(
    'QUOTA_EXCEEDED',
    `The ${what} of ${nameOf(account)} take ${formatBytes(used.bytes)} of the ${formatBytes(max)} that they may take, and what is ` +
      `wanted needs ${formatBytes(planned.bytes)}. Delete ${what}, or raise quota.${setting}.`,
    { fields: { owner: account.name, usedBytes: used.bytes, plannedBytes: planned.bytes, [field]: max } },
  );
}

function nameOf({ name }: Account): string {
  return name ?? 'this host';
}
