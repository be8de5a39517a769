import type { Hypervisor } from '../../model/ports/hypervisor.ts';
import type { Caller } from './caller.ts';

type CheckpointsPart = Pick<Hypervisor, 'listCheckpoints' | 'redefineCheckpoint'>;

export function createCheckpointsPart(caller: Caller): CheckpointsPart {
  return {
    async listCheckpoints(uuid) {
      const subject = { uuid, task: 'list the checkpoints of the domain' };
      const checkpoints = await caller.call('listCheckpoints', { uuid }, subject);
      const { readCheckpointParent } = await import('./read-xml.ts');
      return checkpoints.map(({ name, xml }) => ({ name, parent: readCheckpointParent(xml), xml }));
    },

    redefineCheckpoint: (uuid, xml) =>
      caller.call('redefineCheckpoint', { uuid, xml }, { uuid, task: 'take up a checkpoint of the domain again' }),
  };
}
