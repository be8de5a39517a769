import * as checkpoint from '../binding/domain-checkpoint.ts';
import type { Pointer } from '../binding/library.ts';
import { ERROR_CODE, LibvirtError } from '../binding/libvirt-error.ts';
import { type DomainArgs, withDomain } from './with-domain.ts';

export interface NamedCheckpoint {
  readonly name: string;
  readonly xml: string;
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

  redefineCheckpoint(connection: Pointer, { uuid, xml }: DomainArgs & { readonly xml: string }): void {
    const flags = checkpoint.CHECKPOINT_CREATE.redefine;
    withDomain(connection, uuid, (object) => checkpoint.free(checkpoint.createXML(object, xml, flags)));
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
