import { DarkroomError } from '../../model/errors.ts';
import type { Hypervisor } from '../../model/ports/hypervisor.ts';
import { ERROR_CODE, LibvirtError } from './binding/libvirt-error.ts';
import type { Caller } from './caller.ts';
import { failure, translateError } from './translate-error.ts';

type CheckpointsPart = Pick<
  Hypervisor,
  'listCheckpoints' | 'redefineCheckpoint' | 'readCheckpointSizes' | 'deleteCheckpoint'
>;

/** XML is read by code that is loaded when it is needed: most commands need none of it. */
export function createCheckpointsPart(caller: Caller): CheckpointsPart {
  return {
    async listCheckpoints(uuid) {
      const subject = { uuid, task: 'list the checkpoints of the domain' };
      const checkpoints = await caller.call('listCheckpoints', { uuid }, subject);
      const { readCheckpoint } = await import('../../model/domain-xml/checkpoint-xml.ts');
      return checkpoints.map(({ name, xml }) => {
        const { parent, targets, creationTime } = readCheckpoint(xml);
        return { name, parent, targets, creationTime, xml };
      });
    },

    redefineCheckpoint(uuid, xml, { isValidated = false } = {}) {
      const subject = { uuid, task: 'take up a checkpoint of the domain again' };
      return caller.call('redefineCheckpoint', { uuid, xml, isValidated }, subject);
    },

    async readCheckpointSizes(uuid, name) {
      const subject = { uuid, task: `tell what changed since checkpoint ${name}` };
      const xml = await caller.call('readCheckpointSizes', { uuid, name }, subject);
      const { readCheckpoint } = await import('../../model/domain-xml/checkpoint-xml.ts');
      const { targets, sizes } = readCheckpoint(xml);
      const target = targets.find((each) => !sizes.has(each));
      if (target === undefined) return sizes;
      throw brokenBitmap({ uuid, name, target });
    },

    deleteCheckpoint: (uuid, name, options) => deleteCheckpoint(caller, { uuid, name, ...options }),
  };
}

async function deleteCheckpoint(
  caller: Caller,
  args: { readonly uuid: string; readonly name: string; readonly isMetadataOnly: boolean },
): Promise<void> {
  const attempt = { uri: caller.uri, uuid: args.uuid, task: `delete the checkpoint ${args.name}` };
  try {
    await caller.callRaw('deleteCheckpoint', args);
  } catch (error) {
    if (!lacksBitmap(error)) throw translateError(error, attempt);
    const message = `libvirt could not ${attempt.task} (instance ${args.uuid}): ${error.message}`;
    throw failure('CHECKPOINT_INCONSISTENT', message, { error, attempt });
  }
}

/** libvirt has no code for it: "bitmap '…' not found in backing chain of '…'", or QEMU's own words of one that was not saved. */
function lacksBitmap(error: unknown): error is LibvirtError {
  if (!(error instanceof LibvirtError) || error.isConnectionLost || error.code !== ERROR_CODE.internalError)
    return false;
  return /bitmap '.*' (not found|is inconsistent)/i.test(error.message);
}

/** libvirt leaves the size out where it could not work it out. */
function brokenBitmap(of: { readonly uuid: string; readonly name: string; readonly target: string }): DarkroomError {
  const { uuid, name, target } = of;
  return new DarkroomError(
    'CHECKPOINT_INCONSISTENT',
    `What changed of ${target} since checkpoint ${name} cannot be told (instance ${uuid}): its bitmap is missing or broken.`,
    { fields: { instance: uuid, checkpoint: name, target } },
  );
}
