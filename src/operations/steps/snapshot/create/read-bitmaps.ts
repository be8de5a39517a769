import { buildCheckpointXml } from '../../../../model/domain-xml/checkpoint-xml.ts';
import { hasCode } from '../../../../model/errors.ts';
import type { DiskFileInfo } from '../../../../model/ports/disk-tool.ts';
import type { BitmapState } from '../../../../model/snapshot/choose-method.ts';
import type { Core } from '../../../support/context.ts';

export interface BitmapView {
  readonly state: BitmapState;
  /** null where nobody can say. */
  readonly dirtyBytes: number | null;
}

/** By target, and there by the name of the checkpoint. */
export type BitmapViews = ReadonlyMap<string, ReadonlyMap<string, BitmapView>>;

export interface BitmapQuestion {
  readonly target: string;
  /** The disk's own file, as its header is. */
  readonly top: DiskFileInfo | undefined;
  /** Names of checkpoints, those that would serve best first: those behind one that is sound are not asked for. */
  readonly names: readonly string[];
}

/** How the bitmaps of a guest that is off are flagged in its disks. */
export function readBitmapsOffline(questions: readonly BitmapQuestion[]): BitmapViews {
  return new Map(
    questions.map(({ target, top, names }) => [
      target,
      new Map(names.map((name) => [name, { state: judgeFlags(top, name), dirtyBytes: null }])),
    ]),
  );
}

/** QEMU marks a bitmap that it records into, and takes the mark away when it has written it down. */
function judgeFlags(top: DiskFileInfo | undefined, name: string): BitmapState {
  const found = top?.bitmaps.find((bitmap) => bitmap.name === name);
  if (found === undefined) return 'absent';
  return found.flags.includes('in-use') ? 'broken' : 'sound';
}

/**
 * What the running guest's QEMU says of them. A checkpoint that libvirt has forgotten, such as with a domain that was undefined, is
 * told to it again where the disks still have its bitmaps.
 */
export async function readBitmapsLive(
  core: Core,
  uuid: string,
  { questions, allTargets }: { readonly questions: readonly BitmapQuestion[]; readonly allTargets: readonly string[] },
): Promise<BitmapViews> {
  const views = new Map(questions.map(({ target }) => [target, new Map<string, BitmapView>()]));
  const known = new Set((await core.hypervisor.listCheckpoints(uuid)).map(({ name }) => name));
  const isAnswered = ({ target }: BitmapQuestion): boolean =>
    [...(views.get(target)?.values() ?? [])].some(({ state }) => state === 'sound');
  for (const name of new Set(questions.flatMap(({ names }) => names))) {
    const asked = questions.filter((question) => question.names.includes(name) && !isAnswered(question));
    if (asked.length === 0) continue;
    const sizes = known.has(name)
      ? await readSizes(core, uuid, name)
      : await takeUpAgain(core, uuid, { name, questions: asked, allTargets });
    for (const { target } of asked) views.get(target)?.set(name, judgeSize(sizes, target));
  }
  return views;
}

type Sizes = ReadonlyMap<string, number> | 'broken';

function judgeSize(sizes: Sizes, target: string): BitmapView {
  if (sizes === 'broken') return { state: 'broken', dirtyBytes: null };
  const dirtyBytes = sizes.get(target);
  return dirtyBytes === undefined ? { state: 'absent', dirtyBytes: null } : { state: 'sound', dirtyBytes };
}

async function readSizes(core: Core, uuid: string, name: string): Promise<Sizes> {
  try {
    return await core.hypervisor.readCheckpointSizes(uuid, name);
  } catch (error) {
    if (hasCode(error, 'CHECKPOINT_INCONSISTENT')) return 'broken';
    throw error;
  }
}

async function takeUpAgain(
  core: Core,
  uuid: string,
  wanted: {
    readonly name: string;
    readonly questions: readonly BitmapQuestion[];
    readonly allTargets: readonly string[];
  },
): Promise<Sizes> {
  const { name, questions, allTargets } = wanted;
  const holders = questions.filter(({ top }) => top?.bitmaps.some((bitmap) => bitmap.name === name));
  if (holders.length === 0) return new Map();
  const creationTime = Math.floor(core.clock.now().getTime() / 1000);
  const targets = holders.map(({ target }) => target);
  try {
    const xml = buildCheckpointXml({ name, targets, allTargets, creationTime });
    await core.hypervisor.redefineCheckpoint(uuid, xml, { isValidated: true });
  } catch (error) {
    if (hasCode(error, 'CHECKPOINT_INCONSISTENT', 'LIBVIRT_FAILED')) return 'broken';
    throw error;
  }
  return await readSizes(core, uuid, name);
}
