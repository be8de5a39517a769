import * as domain from '../binding/domain.ts';
import * as checkpoint from '../binding/domain-checkpoint.ts';
import type { Pointer } from '../binding/library.ts';
import { ERROR_CODE, LibvirtError } from '../binding/libvirt-error.ts';
import { type DomainArgs, withDomain } from './with-domain.ts';

export interface NamedCheckpoint {
  readonly name: string;
  readonly xml: string;
}

interface RedefineArgs extends DomainArgs {
  readonly xml: string;
  readonly isValidated: boolean;
}

interface NamedArgs extends DomainArgs {
  readonly name: string;
}

interface DeleteArgs extends NamedArgs {
  readonly isMetadataOnly: boolean;
}

export const checkpointCalls = {
  /** Parents before children, with secrets. */
  listCheckpoints(connection: Pointer, { uuid }: DomainArgs): NamedCheckpoint[] {
    return withDomain(connection, uuid, (object) => {
      const checkpoints = listIfSupported(object);
      try {
        return checkpoints.map(describe);
      } finally {
        for (const each of checkpoints) checkpoint.free(each);
      }
    });
  },

  redefineCheckpoint(connection: Pointer, { uuid, xml, isValidated }: RedefineArgs): void {
    const { redefine, redefineValidate } = checkpoint.CHECKPOINT_CREATE;
    const flags = isValidated ? redefine | redefineValidate : redefine;
    withDomain(connection, uuid, (object) => checkpoint.free(checkpoint.createXML(object, xml, flags)));
  },

  /** Its XML, with sizes and without the domain. */
  readCheckpointSizes(connection: Pointer, { uuid, name }: NamedArgs): string {
    const flags = checkpoint.CHECKPOINT_XML.noDomain | checkpoint.CHECKPOINT_XML.size;
    return withDomain(connection, uuid, (object) =>
      usingCheckpoint(checkpoint.lookupByName(object, name), (found) => checkpoint.getXMLDesc(found, flags)),
    );
  },

  /** No error when there is none. Of a domain that is off only what libvirt knows of it. */
  deleteCheckpoint(connection: Pointer, { uuid, name, isMetadataOnly }: DeleteArgs): void {
    withDomain(connection, uuid, (object) => {
      const found = lookUp(object, name);
      if (found === null) return;
      const flags = isMetadataOnly || !domain.isActive(object) ? checkpoint.CHECKPOINT_DELETE.metadataOnly : 0;
      usingCheckpoint(found, () => checkpoint.remove(found, flags));
    });
  },
};

function listIfSupported(object: Pointer): Pointer[] {
  try {
    return checkpoint.listAll(object, checkpoint.CHECKPOINT_LIST.topological);
  } catch (error) {
    if (error instanceof LibvirtError && error.code === ERROR_CODE.noSupport) return [];
    throw error;
  }
}

function describe(object: Pointer): NamedCheckpoint {
  const xml = checkpoint.getXMLDesc(object, checkpoint.CHECKPOINT_XML.secure);
  return { name: checkpoint.getName(object), xml };
}

function lookUp(object: Pointer, name: string): Pointer | null {
  try {
    return checkpoint.lookupByName(object, name);
  } catch (error) {
    if (error instanceof LibvirtError && error.code === ERROR_CODE.noDomainCheckpoint) return null;
    throw error;
  }
}

function usingCheckpoint<T>(object: Pointer, use: (object: Pointer) => T): T {
  try {
    return use(object);
  } finally {
    checkpoint.free(object);
  }
}
