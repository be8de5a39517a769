import type { BlockJobInfo, Hypervisor } from '../../model/ports/hypervisor.ts';
import type { Caller } from './caller.ts';

type BlockJobsPart = Pick<
  Hypervisor,
  | 'createDiskSnapshot'
  | 'countInternalSnapshots'
  | 'getBlockJob'
  | 'startActiveCommit'
  | 'setBlockJobSpeed'
  | 'pivotBlockJob'
  | 'abortBlockJob'
>;

export function createBlockJobsPart(caller: Caller): BlockJobsPart {
  return {
    createDiskSnapshot(uuid, xml) {
      // its guest may be frozen meanwhile
      const subject = { uuid, task: 'switch the disks to their overlays', urgency: 'prompt' } as const;
      return caller.call('createDiskSnapshot', { uuid, xml }, subject);
    },

    countInternalSnapshots: (uuid) =>
      caller.call('countInternalSnapshots', { uuid }, { uuid, task: 'count the internal snapshots' }),

    async getBlockJob(uuid, target) {
      const subject = { uuid, task: `look at the block job of ${target}` };
      const found = await caller.call('getBlockJob', { uuid, disk: target }, subject);
      if (found === null) return null;
      const { type, cur, end } = found.job;
      const { readMirror } = await import('./read-xml.ts');
      const mirror = readMirror(found.xml, target);
      return {
        ...{ type: toJobType(type), done: cur, total: end },
        ...{ hasMirror: mirror !== null, isReady: mirror?.isReady ?? false },
      };
    },

    startActiveCommit(uuid, { target, base, top, bandwidthBytesPerSecond }) {
      const args = { uuid, disk: target, base, top, bandwidth: bandwidthBytesPerSecond };
      return caller.call('startActiveCommit', args, { uuid, task: `commit ${top} of ${target} into ${base}` });
    },

    setBlockJobSpeed(uuid, target, bandwidthBytesPerSecond) {
      const args = { uuid, disk: target, bandwidth: bandwidthBytesPerSecond };
      return caller.call('setBlockJobSpeed', args, { uuid, task: `change the speed of the block job of ${target}` });
    },

    pivotBlockJob: (uuid, target) =>
      caller.call('pivotBlockJob', { uuid, disk: target }, { uuid, task: `pivot ${target} to its base` }),

    abortBlockJob: (uuid, target) =>
      caller.call('abortBlockJob', { uuid, disk: target }, { uuid, task: `end the block job of ${target}` }),
  };
}

const JOB_TYPES: readonly BlockJobInfo['type'][] = ['unknown', 'pull', 'copy', 'commit', 'active-commit', 'backup'];

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainBlockJobType */
function toJobType(type: number): BlockJobInfo['type'] {
  return JOB_TYPES[type] ?? 'unknown';
}
