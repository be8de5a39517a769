import { buildCheckpointXml, readCheckpoint } from '../../src/model/domain-xml/checkpoint-xml.ts';
import { describeDomain } from '../../src/model/domain-xml/describe-domain.ts';
import { parseXml, rootElement, text } from '../../src/model/domain-xml/xml.ts';
import { DarkroomError } from '../../src/model/errors.ts';
import type { CheckpointInfo, Hypervisor } from '../../src/model/ports/hypervisor.ts';

/** What of a fake domain concerns its checkpoints. */
export interface CheckpointedDomain {
  readonly activeXml: string | null;
  readonly inactiveXml: string | null;
  /** Parents before children. */
  checkpoints: CheckpointInfo[];
  /** Bitmaps that are missing or broken, as bitmapKey names them; all others of its checkpoints are sound. */
  readonly brokenBitmaps: Set<string>;
  /** Bytes that changed since any checkpoint, by target; 0 where nothing is said. */
  readonly changedBytes: Map<string, number>;
}

type CheckpointsPart = Pick<
  Hypervisor,
  'listCheckpoints' | 'redefineCheckpoint' | 'readCheckpointSizes' | 'deleteCheckpoint'
>;

export interface FakeDomains<T> {
  readonly get: (uuid: string) => T;
  /** Throws when it does not run. */
  readonly getActive: (uuid: string) => T;
  readonly failed: (message: string) => Error;
}

/** Checkpoints in memory, refusing what libvirt refuses. */
export function createFakeCheckpoints({ get, getActive, failed }: FakeDomains<CheckpointedDomain>): CheckpointsPart {
  return {
    listCheckpoints: async (uuid) => get(uuid).checkpoints,

    redefineCheckpoint: async (uuid, xml, { isValidated = false } = {}) => {
      const domain = isValidated ? getActive(uuid) : get(uuid);
      const checkpoint = readRedefinition(xml, failed);
      if (isValidated) for (const target of checkpoint.targets) assertBitmap(domain, target, checkpoint.name);
      domain.checkpoints = replaceCheckpoint(domain.checkpoints, checkpoint, failed);
    },

    readCheckpointSizes: async (uuid, name) => {
      const domain = getActive(uuid);
      const { targets } = requireCheckpoint(domain, name);
      for (const target of targets) assertBitmap(domain, target, name);
      return new Map(targets.map((target) => [target, domain.changedBytes.get(target) ?? 0]));
    },

    deleteCheckpoint: async (uuid, name, { isMetadataOnly }) => {
      const domain = get(uuid);
      const checkpoint = domain.checkpoints.find((each) => each.name === name);
      if (checkpoint === undefined) return;
      const hasBitmaps = !isMetadataOnly && domain.activeXml !== null;
      if (hasBitmaps) for (const target of checkpoint.targets) assertBitmap(domain, target, name);
      domain.checkpoints = withoutCheckpoint(domain.checkpoints, checkpoint);
    },
  };
}

function bitmapKey(target: string, checkpoint: string): string {
  return `${target}/${checkpoint}`;
}

/** As after a kill of QEMU: none of the bitmaps that are there can be used. */
export function breakBitmaps({ checkpoints, brokenBitmaps }: CheckpointedDomain): void {
  for (const { name, targets } of checkpoints) {
    for (const target of targets) brokenBitmaps.add(bitmapKey(target, name));
  }
}

/** CHECKPOINT_INCONSISTENT unless the checkpoint covers that disk with a sound bitmap. */
export function requireBitmap(domain: CheckpointedDomain, target: string, name: string): void {
  if (!requireCheckpoint(domain, name).targets.includes(target)) throw inconsistent(target, name);
  assertBitmap(domain, target, name);
}

/** Begins one in a domain that runs, after the last. */
export function addCheckpoint(
  domain: CheckpointedDomain,
  { name, targets }: Pick<CheckpointInfo, 'name' | 'targets'>,
): void {
  const last = domain.checkpoints.at(-1);
  const parent = last?.name ?? null;
  const creationTime = (last?.creationTime ?? 1_700_000_000) + 1;
  const allTargets = describeDomain(domain.activeXml ?? '').disks.map((disk) => disk.target);
  const xml = buildCheckpointXml({ name, parent, targets, allTargets, creationTime });
  domain.checkpoints = [...domain.checkpoints, { name, parent, targets, creationTime, xml }];
}

function readRedefinition(xml: string, failed: (message: string) => Error): CheckpointInfo {
  const root = rootElement(parseXml(xml));
  const name = text('./name', root);
  if (name === null) throw failed('a redefined checkpoint must have a name');
  if (text('./creationTime', root) === null) throw failed('missing creationTime from existing checkpoint');
  const { parent, targets, creationTime } = readCheckpoint(xml);
  return { name, parent, targets, creationTime, xml };
}

function replaceCheckpoint(
  checkpoints: readonly CheckpointInfo[],
  checkpoint: CheckpointInfo,
  failed: (message: string) => Error,
): CheckpointInfo[] {
  const { name, parent } = checkpoint;
  const others = checkpoints.filter((other) => other.name !== name);
  if (parent !== null && !others.some((other) => other.name === parent)) {
    throw failed(`parent ${parent} for checkpoint ${name} not found`);
  }
  if (others.length === checkpoints.length) return [...others, checkpoint];
  return checkpoints.map((known) => (known.name === name ? checkpoint : known));
}

/** Its children become its parent's. */
function withoutCheckpoint(checkpoints: readonly CheckpointInfo[], { name, parent }: CheckpointInfo): CheckpointInfo[] {
  const others = checkpoints.filter((each) => each.name !== name);
  return others.map((each) => (each.parent === name ? { ...each, parent } : each));
}

function requireCheckpoint(domain: CheckpointedDomain, name: string): CheckpointInfo {
  const checkpoint = domain.checkpoints.find((each) => each.name === name);
  if (checkpoint !== undefined) return checkpoint;
  throw new DarkroomError('CHECKPOINT_INCONSISTENT', `no domain checkpoint with matching name '${name}'`);
}

function assertBitmap(domain: CheckpointedDomain, target: string, name: string): void {
  if (domain.brokenBitmaps.has(bitmapKey(target, name))) throw inconsistent(target, name);
}

function inconsistent(target: string, name: string): DarkroomError {
  return new DarkroomError('CHECKPOINT_INCONSISTENT', `missing or broken bitmap '${name}' for disk '${target}'`);
}
