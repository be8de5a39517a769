import type { DiskFile } from '../../../../model/ports/disk-tool.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { Core } from '../../../support/context.ts';
import { snapshotDisk } from '../read-source.ts';

/**
 * A new qcow2 at `path` over the parent that holds just what of `source` differs from it: an empty overlay of the source that is
 * rebased, as qemu-img compares every block on the way (https://www.qemu.org/docs/master/tools/qemu-img.html, rebase).
 */
export async function findDifferences(
  core: Core,
  { source, parent, path }: { readonly source: DiskFile; readonly parent: SnapshotRecord; readonly path: string },
  signal: AbortSignal,
): Promise<void> {
  const { path: sourcePath, format } = source;
  await core.diskTool.create({ path, format: 'qcow2', backing: { path: sourcePath, format } }, signal);
  const backing = await snapshotDisk(core, parent, { signal });
  await core.diskTool.rebase({ path, format: 'qcow2' }, { backing }, signal);
}
