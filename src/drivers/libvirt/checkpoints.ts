import type { Hypervisor } from '../../model/ports/hypervisor.ts';
import type { Caller } from './caller.ts';

type CheckpointsPart = Pick<
  Hypervisor,
  'listCheckpoints' | 'redefineCheckpoint' | 'readCheckpointSizes' | 'deleteCheckpoint'
>;

export function createCheckpointsPart(caller: Caller): CheckpointsPart {
  const missing = async (): Promise<never> => {
    throw new Error('not there yet');
  };
  return {
    readCheckpointSizes: missing,
    deleteCheckpoint: missing,
    async listCheckpoints(uuid) {
      const subject = { uuid, task: 'list the checkpoints of the domain' };
      const checkpoints = await caller.call('listCheckpoints', { uuid }, subject);
      const { readCheckpointParent } = await import('./read-xml.ts');
      return checkpoints.map(({ name, xml }) => ({
        name,
        parent: readCheckpointParent(xml),
        targets: [],
        creationTime: 0,
        xml,
      }));
    },

    redefineCheckpoint: (uuid, xml) =>
      caller.call('redefineCheckpoint', { uuid, xml }, { uuid, task: 'take up a checkpoint of the domain again' }),
  };
}
