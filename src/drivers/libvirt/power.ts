import type { Hypervisor } from '../../model/ports/hypervisor.ts';
import type { Caller } from './caller.ts';
import { managedSavePath } from './managed-save-path.ts';

type PowerPart = Pick<
  Hypervisor,
  | 'startDomain'
  | 'createTransientDomain'
  | 'shutdownDomain'
  | 'rebootDomain'
  | 'destroyDomain'
  | 'suspendDomain'
  | 'resumeDomain'
  | 'isStoppedByIoError'
  | 'managedSaveDomain'
  | 'getManagedSaveXml'
  | 'defineManagedSaveXml'
  | 'managedSavePath'
  | 'restoreDomain'
>;

/** `owner` has one thread that stays, so one connection: libvirt destroys transient domains when it ends. */
export function createPowerPart(caller: Caller, owner: Caller): PowerPart {
  return {
    startDomain: (uuid, { isPaused = false } = {}) =>
      caller.call('startDomain', { uuid, isPaused }, { uuid, task: 'start the domain' }),
    createTransientDomain: (xml) => owner.call('createTransientDomain', { xml }, { task: 'start a transient domain' }),
    shutdownDomain: (uuid) => caller.call('shutdownDomain', { uuid }, { uuid, task: 'shut the domain down' }),
    rebootDomain: (uuid) => caller.call('rebootDomain', { uuid }, { uuid, task: 'reboot the domain' }),
    destroyDomain: (uuid) => caller.call('destroyDomain', { uuid }, { uuid, task: 'destroy the domain' }),
    suspendDomain: (uuid) => caller.call('suspendDomain', { uuid }, { uuid, task: 'pause the domain' }),
    // whoever was paused for a snapshot must not wait for others to go on
    resumeDomain: (uuid) =>
      caller.call('resumeDomain', { uuid }, { uuid, task: 'resume the domain', urgency: 'urgent' }),
    isStoppedByIoError: (uuid) =>
      caller.call('isStoppedByIoError', { uuid }, { uuid, task: 'see why the domain is paused' }),
    managedSaveDomain: (uuid, { isRunning = false } = {}) =>
      caller.call('managedSaveDomain', { uuid, isRunning }, { uuid, task: 'save the memory of the domain' }),
    getManagedSaveXml: (uuid) =>
      caller.call('getManagedSaveXml', { uuid }, { uuid, task: 'read the XML of the saved memory of the domain' }),
    defineManagedSaveXml: (uuid, xml) =>
      caller.call(
        'defineManagedSaveXml',
        { uuid, xml },
        { uuid, task: 'change the XML of the saved memory of the domain' },
      ),
    managedSavePath: (domainName) => managedSavePath(caller.uri, domainName),
    restoreDomain: (path, { xml, isPaused }) =>
      caller.call('restoreDomain', { path, xml, isPaused }, { task: `start a domain from the saved memory ${path}` }),
  };
}
