import path from 'node:path';
import { readDiskPaths, replaceDiskSources } from '../../model/domain-xml/disk-sources.ts';
import { hasCode } from '../../model/errors.ts';
import { overlayStem, parseOverlayPath } from '../../model/overlay-name.ts';
import type { DomainInfo } from '../../model/ports/hypervisor.ts';
import type { CaptureDisk, CapturePlan } from '../capture-plan.ts';
import type { Core } from '../support/context.ts';

export type Leftover =
  /** A domain's disk is an overlay whose header names the disk below it: provably ours, and holds the guest's data. */
  | { readonly kind: 'in-use'; readonly plan: CapturePlan; readonly targets: readonly string[] }
  /** Beside a disk that a domain uses directly: nothing refers to it. */
  | { readonly kind: 'unused'; readonly path: string; readonly instanceName: string }
  | { readonly kind: 'unproven'; readonly path: string; readonly reason: string };

/** Overlays by name and header alone, so that they are found with the journal lost. Those of living operations are left out. */
export async function findLeftovers(core: Core): Promise<Leftover[]> {
  const alive = await livingOperations(core);
  const leftovers: Leftover[] = [];
  const domains = await core.hypervisor.listDomains();
  const usedBy = new Map<string, DomainInfo>();
  for (const domain of domains) {
    const definition = await readDefinition(core, domain);
    if (definition === null) continue;
    for (const diskPath of definition.paths.values()) usedBy.set(diskPath, domain);
    leftovers.push(...(await overlaysInUse(core, { domain, ...definition, alive })));
  }
  const isOverlay = (file: string): boolean => parseOverlayPath(file) !== null;
  for (const overlay of await listBesideDisks(core, [...usedBy.keys()], isOverlay)) {
    if (!usedBy.has(overlay) && !alive.has(parseOverlayPath(overlay)?.operationId ?? '')) {
      leftovers.push(await judgeUnused(core, overlay, usedBy));
    }
  }
  return leftovers;
}

interface Definition {
  readonly xml: string;
  readonly paths: ReadonlyMap<string, string>;
}

/** null for a domain that was undefined since it was listed. */
async function readDefinition({ hypervisor }: Core, { uuid, isPersistent }: DomainInfo): Promise<Definition | null> {
  try {
    const xml = await hypervisor.getDomainXml(uuid, { isInactive: isPersistent, isSecure: true });
    return { xml, paths: readDiskPaths(await hypervisor.getDomainXml(uuid)) };
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return null;
    throw error;
  }
}

export async function livingOperations(core: Core): Promise<ReadonlySet<string>> {
  const running = await core.journal.list({ status: 'running' });
  const alive = running.filter(({ owner }) => core.processes.isAlive(owner));
  return new Set(alive.map(({ operation }) => operation.id));
}

async function overlaysInUse(
  core: Core,
  seen: {
    readonly domain: DomainInfo;
    readonly xml: string;
    readonly paths: ReadonlyMap<string, string>;
    readonly alive: ReadonlySet<string>;
  },
): Promise<Leftover[]> {
  const disks: CaptureDisk[] = [];
  const unproven: Leftover[] = [];
  for (const [target, overlayPath] of seen.paths) {
    const name = parseOverlayPath(overlayPath);
    if (name === null || seen.alive.has(name.operationId)) continue;
    const base = await readBase(core, overlayPath);
    if (base === null)
      unproven.push({ kind: 'unproven', path: overlayPath, reason: 'its header does not name the disk below it' });
    else disks.push({ target, overlayPath, ...base });
  }
  if (disks.length === 0) return unproven;
  return [{ kind: 'in-use', plan: planRepair(seen, disks), targets: disks.map(({ target }) => target) }, ...unproven];
}

type Base = Pick<CaptureDisk, 'path' | 'format' | 'isBlockDevice'>;

/** The disk that an overlay of ours lies on, when header and name agree. */
async function readBase(core: Core, overlayPath: string): Promise<Base | null> {
  const name = parseOverlayPath(overlayPath);
  if (name === null || (await core.files.stat(overlayPath)) === null) return null;
  const { backing } = await core.diskTool.info({ path: overlayPath, format: 'qcow2' });
  if (backing === null || (backing.format !== 'qcow2' && backing.format !== 'raw')) return null;
  const stat = await core.files.stat(backing.path);
  if (stat === null) return null;
  const disk: Base = { path: backing.path, format: backing.format, isBlockDevice: stat.kind === 'block-device' };
  return path.basename(name.diskPath) === overlayStem(disk) ? disk : null;
}

function planRepair(seen: { readonly domain: DomainInfo; readonly xml: string }, disks: CaptureDisk[]): CapturePlan {
  const { domain, xml } = seen;
  return {
    version: 1,
    instanceId: domain.uuid,
    instanceName: domain.name,
    imageId: '',
    powerState: domain.powerState === 'running' || domain.powerState === 'paused' ? domain.powerState : 'shutdown',
    isPersistent: domain.isPersistent,
    isAutostart: domain.isAutostart,
    savedXml: replaceDiskSources(xml, disks),
    disks,
    mayBeFrozen: false,
    mayBePaused: false,
    helpers: [],
    isChainRestored: false,
  };
}

/** Files of a kind of ours beside disks, and where such files of host devices lie. */
export async function listBesideDisks(
  core: Core,
  diskPaths: readonly string[],
  isOurs: (file: string) => boolean,
): Promise<string[]> {
  const folders = new Set([core.settings.overlayDir, ...diskPaths.map((disk) => path.dirname(disk))]);
  const found: string[] = [];
  for (const folder of folders) {
    if (folder === '/dev') continue;
    for (const name of await core.files.list(folder)) {
      const file = path.join(folder, name);
      if (isOurs(file)) found.push(file);
    }
  }
  return found;
}

async function judgeUnused(core: Core, overlay: string, usedBy: ReadonlyMap<string, DomainInfo>): Promise<Leftover> {
  const base = await readBase(core, overlay);
  if (base === null) return { kind: 'unproven', path: overlay, reason: 'its header does not name the disk below it' };
  const domain = usedBy.get(base.path);
  if (domain === undefined) {
    return { kind: 'unproven', path: overlay, reason: `no domain uses it, and none uses ${base.path} below it` };
  }
  return { kind: 'unused', path: overlay, instanceName: domain.name };
}
