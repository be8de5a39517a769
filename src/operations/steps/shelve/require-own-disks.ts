import { mapConcurrently } from '../../../lib/async.ts';
import { describeDomain } from '../../../model/domain-xml/describe-domain.ts';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import { READABLE_FORMATS } from '../../../model/ports/disk-tool.ts';
import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { Core } from '../../support/context.ts';
import type { SelectedDisk } from '../capture/select-disks.ts';

const CONCURRENT_LOOKS = 4;

export interface OwnDisks {
  readonly domain: DomainInfo;
  readonly selection: { readonly captured: readonly Pick<SelectedDisk, 'target' | 'path'>[] };
}

/** DISK_UNSUPPORTED when another domain of this host has a disk of this one in the chain of one of its own. */
export async function requireOwnDisks(core: Core, { domain, selection }: OwnDisks): Promise<void> {
  const own = new Map<string, string>();
  for (const { target, path } of selection.captured) own.set(await identify(core, path), target);
  const others = (await core.hypervisor.listDomains()).filter(({ uuid }) => uuid !== domain.uuid);
  await mapConcurrently(others, CONCURRENT_LOOKS, async (other) => {
    for (const file of await listChainFiles(core, other)) {
      const target = own.get(await identify(core, file));
      if (target !== undefined) throw shared({ domain, target, other });
    }
  });
}

/** The same file by whatever name. */
async function identify(core: Core, file: string): Promise<string> {
  const stat = await core.files.stat(file);
  return stat === null ? file : `${stat.device}:${stat.inode}`;
}

async function listChainFiles(core: Core, { uuid, isPersistent }: DomainInfo): Promise<string[]> {
  const files: string[] = [];
  try {
    const xml = await core.hypervisor.getDomainXml(uuid, { isInactive: isPersistent });
    for (const { path, format } of describeDomain(xml).disks) {
      if (path === null) continue;
      files.push(path);
      const known = READABLE_FORMATS.find((candidate) => candidate === format);
      if (known !== undefined && known !== 'raw') files.push(...(await listChain(core, { path, format: known })));
    }
  } catch (error) {
    if (!hasCode(error, 'INSTANCE_NOT_FOUND')) throw error;
  }
  return files;
}

/** What is gone or cannot be read stands on nothing that could be lost: a broken neighbour is no reason to refuse. */
async function listChain(core: Core, disk: Parameters<Core['diskTool']['infoChain']>[0]): Promise<string[]> {
  try {
    return (await core.diskTool.infoChain(disk)).map((layer) => layer.path);
  } catch (error) {
    if (hasCode(error, 'QEMU_IMG_FAILED', 'DISK_MISSING')) return [];
    throw error;
  }
}

function shared(found: { domain: DomainInfo; target: string; other: DomainInfo }): DarkroomError {
  const { domain, target, other } = found;
  return new DarkroomError(
    'DISK_UNSUPPORTED',
    `Disk ${target} of ${domain.name} belongs to ${other.name} too, or is the base of a disk of it: it must stay as it is.`,
    { fields: { instanceId: domain.uuid, target, otherInstanceId: other.uuid } },
  );
}
