import * as domain from '../binding/domain.ts';
import * as power from '../binding/domain-power.ts';
import type { Pointer } from '../binding/library.ts';
import { type DomainArgs, usingDomain, withDomain } from './with-domain.ts';

export const powerCalls = {
  startDomain(connection: Pointer, { uuid, isPaused }: DomainArgs & { readonly isPaused: boolean }): void {
    withDomain(connection, uuid, (object) => power.createWithFlags(object, isPaused ? power.CREATE.paused : 0));
  },

  /** The domain lives as long as the connection of the thread that runs this. */
  createTransientDomain(connection: Pointer, { xml }: { readonly xml: string }): string {
    return usingDomain(power.createXML(connection, xml, power.CREATE.autodestroy), domain.getUUIDString);
  },

  shutdownDomain(connection: Pointer, { uuid }: DomainArgs): void {
    withDomain(connection, uuid, (object) => power.shutdownFlags(object, 0));
  },

  rebootDomain(connection: Pointer, { uuid }: DomainArgs): void {
    withDomain(connection, uuid, (object) => power.reboot(object, 0));
  },

  destroyDomain(connection: Pointer, { uuid }: DomainArgs): void {
    withDomain(connection, uuid, (object) => power.destroyFlags(object, 0));
  },

  suspendDomain(connection: Pointer, { uuid }: DomainArgs): void {
    withDomain(connection, uuid, power.suspend);
  },

  resumeDomain(connection: Pointer, { uuid }: DomainArgs): void {
    withDomain(connection, uuid, power.resume);
  },

  isStoppedByIoError(connection: Pointer, { uuid }: DomainArgs): boolean {
    const { state, reason } = withDomain(connection, uuid, power.getState);
    return state === power.STATE.paused && reason === power.PAUSED_REASON.ioError;
  },

  managedSaveDomain(connection: Pointer, { uuid, isRunning }: DomainArgs & { readonly isRunning: boolean }): void {
    withDomain(connection, uuid, (object) => power.managedSave(object, isRunning ? power.RESTORE.running : 0));
  },

  getManagedSaveXml(connection: Pointer, { uuid }: DomainArgs): string {
    return withDomain(connection, uuid, (object) => power.managedSaveGetXMLDesc(object, power.SAVE_IMAGE_XML.secure));
  },

  defineManagedSaveXml(connection: Pointer, { uuid, xml }: DomainArgs & { readonly xml: string }): void {
    withDomain(connection, uuid, (object) => power.managedSaveDefineXML(object, xml, 0));
  },

  restoreDomain(connection: Pointer, { path, xml, isPaused }: RestoreArgs): void {
    const flags = isPaused ? power.RESTORE.paused : power.RESTORE.running;
    power.restoreFlags(connection, path, { xml, flags });
  },
};

interface RestoreArgs {
  readonly path: string;
  readonly xml: string;
  readonly isPaused: boolean;
}
