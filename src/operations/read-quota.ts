import { ownerOf } from '../model/access.ts';
import { accountOf } from '../model/account.ts';
import type { QuotaReport } from '../model/quota.ts';
import { measureImages, measureSnapshots } from './steps/measure-use.ts';
import type { Core } from './support/context.ts';

/** What the caller has and may have; for an admin with what is the host's. */
export async function readQuota(core: Core): Promise<QuotaReport> {
  const { maxImages, maxImageBytes, maxSnapshots, maxSnapshotBytes } = core.settings.quota;
  const account = accountOf(core.caller);
  const [images, snapshots] = await Promise.all([measureImages(core, account), measureSnapshots(core, account)]);
  return {
    owner: ownerOf(core.caller),
    images: { ...images, maxCount: maxImages, maxBytes: maxImageBytes },
    snapshots: { ...snapshots, maxCount: maxSnapshots, maxBytes: maxSnapshotBytes },
  };
}
